import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** duplicate_guard from JDBC: copy this file. */
public final class Guard {
    private Guard() {}

    /** Makes an object of the current row, as Spring's RowMapper. */
    public interface RowMapper<T> {
        T map(ResultSet row) throws SQLException;
    }

    public record Answer<T>(T row, boolean wasCreated) {}

    /** The most asked for of the type integrity_error; what is not known is null. */
    public record IntegrityError(String kind, String constraintName, List<String> columns,
            List<String> keyValues, String retry, Integer httpStatus, String userMessage) {}

    /** The row as an object, and whether it was created. */
    public static <T> Answer<T> getOrCreate(Connection conn, String table, RowMapper<T> mapper,
            Map<String, ?> lookup, Map<String, ?> defaults) throws SQLException {
        String sql = """
                SELECT (g.record).*, g.was_created
                FROM get_or_create(NULL::%s, %s, %s) AS g""".formatted(
                    conn.unwrap(PGConnection.class).escapeIdentifier(table),
                    jsonb(lookup), jsonb(defaults));
        try (PreparedStatement query = conn.prepareStatement(sql)) {
            bind(query, bind(query, 1, lookup), defaults);
            try (ResultSet row = query.executeQuery()) {
                row.next();
                return new Answer<>(mapper.map(row), row.getBoolean("was_created"));
            }
        }
    }

    /**
     * The facts of an error. Roll back first, if only to a savepoint: in a failed
     * transaction nothing can be called.
     */
    public static IntegrityError classifyIntegrityError(Connection conn, PSQLException error)
            throws SQLException {
        ServerErrorMessage fields = error.getServerErrorMessage();
        if (fields == null)
            throw error;                // not of the server: the connection broke
        try (PreparedStatement query = conn.prepareStatement("""
                SELECT *
                FROM classify_integrity_error(
                    message => ?, detail => ?, sqlstate => ?,
                    schema_name => ?, table_name => ?, column_name => ?,
                    constraint_name => ?, datatype_name => ?)""")) {
            query.setString(1, fields.getMessage());
            query.setString(2, fields.getDetail());
            query.setString(3, fields.getSQLState());
            query.setString(4, fields.getSchema());
            query.setString(5, fields.getTable());
            query.setString(6, fields.getColumn());
            query.setString(7, fields.getConstraint());
            query.setString(8, fields.getDatatype());
            try (ResultSet row = query.executeQuery()) {
                row.next();
                return new IntegrityError(row.getString("kind"), row.getString("constraint_name"),
                        strings(row, "columns"), strings(row, "key_values"), row.getString("retry"),
                        row.getObject("http_status", Integer.class), row.getString("user_message"));
            }
        }
    }

    // The server makes the JSON: it knows how it writes the values of each type.
    private static String jsonb(Map<String, ?> columns) {
        return "'{}'::jsonb" + " || jsonb_build_object(?::text, ?)".repeat(columns.size());
    }

    private static int bind(PreparedStatement query, int next, Map<String, ?> columns)
            throws SQLException {
        for (Map.Entry<String, ?> column : columns.entrySet()) {
            query.setString(next++, column.getKey());
            if (column.getValue() == null)
                query.setNull(next++, Types.VARCHAR);   // setObject would leave the type open
            else
                query.setObject(next++, column.getValue());
        }
        return next;
    }

    // Names and values of columns may be unknown one by one, so no List.of.
    private static List<String> strings(ResultSet row, String column) throws SQLException {
        Array array = row.getArray(column);
        return array == null ? null : Arrays.asList((String[]) array.getArray());
    }
}
