import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;

/** duplicate_guard from JDBC, by example. */
final class Example {
    record Product(int id, String name, BigDecimal price, Integer categoryId, UUID sku,
            LocalDate releasedOn, byte[] photo, String[] tags, String properties, String note,
            OffsetDateTime createdAt) {

        static Product of(ResultSet row) throws SQLException {
            return new Product(
                    row.getInt("id"),
                    row.getString("name"),
                    row.getBigDecimal("price"),
                    row.getObject("category_id", Integer.class),
                    row.getObject("sku", UUID.class),
                    row.getObject("released_on", LocalDate.class),
                    row.getBytes("photo"),
                    (String[]) row.getArray("tags").getArray(),
                    row.getString("properties"),
                    row.getString("note"),
                    row.getObject("created_at", OffsetDateTime.class));
        }
    }

    private static String url;

    private static Connection connect() throws SQLException {
        return DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    // ----- the row as an object, and whether it is new -----------------------

    static void productAndFlag(Connection conn) throws SQLException {
        var answer = Guard.getOrCreate(conn, "products", Product::of,
                Map.of("name", "xiomi_mi12"), Map.of("price", new BigDecimal("199.90")));
        assert answer.wasCreated();
        assert answer.row().price().equals(new BigDecimal("199.90"));

        var again = Guard.getOrCreate(conn, "products", Product::of,
                Map.of("name", "xiomi_mi12"), Map.of("price", new BigDecimal("249.90")));
        assert !again.wasCreated();
        assert again.row().id() == answer.row().id();
        assert again.row().price().equals(new BigDecimal("199.90"));
    }

    static void allTypes(Connection conn) throws SQLException {
        BigDecimal price = new BigDecimal("12345678.90");
        UUID sku = UUID.fromString("d9428888-122b-11e1-b85c-61cd3cbb3210");
        LocalDate releasedOn = LocalDate.of(2024, 2, 29);
        byte[] photo = { (byte) 0x89, 'P', 'N', 'G', 0, (byte) 0xff };
        String[] tags = { "green", "with \"quotes\", commas", "NULL", "\\", "ünï" };
        OffsetDateTime createdAt = OffsetDateTime.parse("2024-02-29T23:59:59.123456+02:00");
        PGobject properties = new PGobject();
        properties.setType("jsonb");
        properties.setValue("{\"size\": [1, 2]}");

        Map<String, Object> values = new HashMap<>();   // Map.of takes no null
        values.put("price", price);
        values.put("sku", sku);
        values.put("released_on", releasedOn);
        values.put("photo", photo);
        values.put("tags", tags);
        values.put("properties", properties);
        values.put("note", null);
        values.put("created_at", createdAt);

        var answer = Guard.getOrCreate(
                conn, "products", Product::of, Map.of("name", "Ångström"), values);
        Product product = answer.row();
        assert answer.wasCreated() && product.name().equals("Ångström");
        assert product.price().equals(price);
        assert product.sku().equals(sku);
        assert product.releasedOn().equals(releasedOn);
        assert Arrays.equals(product.photo(), photo);
        assert Arrays.equals(product.tags(), tags);
        assert product.properties().equals("{\"size\": [1, 2]}");
        assert product.note() == null && product.categoryId() == null;
        assert product.createdAt().isEqual(createdAt);
        assert !product.createdAt().equals(createdAt);  // the driver answers in UTC
    }

    static void withoutTheHelper(Connection conn) throws SQLException {
        try (PreparedStatement query = conn.prepareStatement("""
                SELECT (g.record).*, g.was_created
                FROM get_or_create(NULL::products,
                    jsonb_build_object('name', ?),
                    jsonb_build_object('price', ?, 'photo', ?)) AS g""")) {
            query.setString(1, "plain");
            query.setBigDecimal(2, new BigDecimal("9.90"));
            query.setBytes(3, new byte[] { 0, 1, 2 });
            try (ResultSet row = query.executeQuery()) {
                row.next();
                assert row.getBoolean("was_created");
                Product product = Product.of(row);
                assert product.price().equals(new BigDecimal("9.90"));
                assert Arrays.equals(product.photo(), new byte[] { 0, 1, 2 });
            }
        }
    }

    // ----- in a transaction, and many at once --------------------------------

    static void rolledBack(Connection conn) throws SQLException {
        conn.setAutoCommit(false);
        try {
            assert Guard.getOrCreate(conn, "products", Product::of, Map.of("name", "undone"), Map.of())
                    .wasCreated();
        } finally {
            conn.rollback();
            conn.setAutoCommit(true);
        }
        assert count(conn, "name = 'undone'") == 0;
    }

    static void eightThreads(Connection conn) throws Exception {
        List<List<Guard.Answer<Product>>> answers = Tap.atOnce(8, () -> {
            try (Connection mine = connect()) {
                mine.setAutoCommit(false);              // one transaction for all of them
                List<Guard.Answer<Product>> list = new ArrayList<>();
                for (int n = 0; n < 20; n++) {
                    list.add(Guard.getOrCreate(mine, "products", Product::of,
                            Map.of("name", "thread " + n), Map.of()));
                }
                assert count(mine, "name LIKE 'thread %'") == 20;   // still usable
                mine.commit();
                return list;
            }
        });
        for (int n = 0; n < 20; n++) {
            Set<Integer> ids = new HashSet<>();
            int created = 0;
            for (List<Guard.Answer<Product>> list : answers) {
                ids.add(list.get(n).row().id());
                created += list.get(n).wasCreated() ? 1 : 0;
            }
            assert ids.size() == 1 && created == 1 : "thread " + n + ": " + created;
        }
    }

    // ----- errors as data ----------------------------------------------------

    static void formMessage(Connection conn) throws SQLException {
        Map<String, String> errors = new HashMap<>();
        conn.setAutoCommit(false);
        try (PreparedStatement insert = conn.prepareStatement(
                "INSERT INTO products (name, price) VALUES (?, ?)")) {
            insert.setString(1, "lamp");
            insert.setBigDecimal(2, new BigDecimal("-1"));
            Savepoint savepoint = conn.setSavepoint();
            try {
                insert.executeUpdate();
            } catch (PSQLException error) {
                // in a failed transaction nothing can be called, so first:
                conn.rollback(savepoint);
                var problem = Guard.classifyIntegrityError(conn, error);
                var columns = problem.columns() != null ? problem.columns() : List.of("form");
                for (String column : columns)
                    errors.put(column, problem.userMessage());
                assert problem.kind().equals("check_violation") && problem.httpStatus() == 422;
            }
            conn.commit();
        } finally {
            conn.setAutoCommit(true);
        }
        assert errors.equals(Map.of("price", "The price must not be negative."));
    }

    static void duplicateMessage(Connection conn) throws SQLException {
        try {
            execute(conn, "INSERT INTO products (name) VALUES ('xiomi_mi12')");
            assert false;
        } catch (PSQLException error) {
            var problem = Guard.classifyIntegrityError(conn, error);
            assert problem.kind().equals("unique_violation");
            assert problem.constraintName().equals("products_name_key");
            assert problem.columns().equals(List.of("name"));
            assert problem.keyValues().equals(List.of("xiomi_mi12"));
            assert problem.userMessage().equals("A product with this name already exists.");
        }
    }

    static void tryCreate(Connection conn) throws SQLException {
        try (PreparedStatement query = conn.prepareStatement("""
                SELECT was_created, (record).id, (error).columns, (error).user_message
                FROM try_create(NULL::products,
                    jsonb_build_object('name', ?, 'price', ?, 'category_id', ?))""")) {
            query.setString(1, "chair");
            query.setBigDecimal(2, new BigDecimal("5"));
            query.setInt(3, 7);
            try (ResultSet row = query.executeQuery()) {
                row.next();
                assert !row.getBoolean("was_created");
                assert row.getObject("id") == null;
                assert row.getArray("columns").toString().equals("{category_id}");
                assert row.getString("user_message").equals("This category does not exist.");
            }
        }
    }

    // ----- batches and updates -----------------------------------------------

    static void batch(Connection conn) throws SQLException {
        String[] names = { "pen", "xiomi_mi12", "pen" };
        BigDecimal[] prices = { new BigDecimal("1.20"), new BigDecimal("3"), new BigDecimal("1.30") };
        List<Guard.Answer<Product>> answers = new ArrayList<>();

        try (PreparedStatement query = conn.prepareStatement("""
                SELECT (g.record).*, g.was_created
                FROM get_or_create_many(NULL::products,
                    (SELECT jsonb_agg(r) FROM unnest(?, ?) AS r (name, price)),
                    key_columns => ?) AS g
                ORDER BY g.ordinality""")) {
            query.setArray(1, conn.createArrayOf("text", names));
            query.setArray(2, conn.createArrayOf("numeric", prices));
            query.setArray(3, conn.createArrayOf("text", new String[] { "name" }));
            try (ResultSet row = query.executeQuery()) {
                while (row.next())
                    answers.add(new Guard.Answer<>(Product.of(row), row.getBoolean("was_created")));
            }
        }
        assert answers.size() == 3;
        assert answers.get(0).wasCreated() && !answers.get(1).wasCreated() && !answers.get(2).wasCreated();
        assert answers.get(1).row().price().equals(new BigDecimal("199.90"));
        assert answers.get(2).row().id() == answers.get(0).row().id();
        assert answers.get(2).row().price().equals(new BigDecimal("1.20"));
    }

    static void update(Connection conn) throws SQLException {
        assert setPrice(conn, "90").equals("90.00 created");
        assert setPrice(conn, "90").equals("90.00");
        assert setPrice(conn, "95").equals("95.00 updated");
    }

    private static String setPrice(Connection conn, String price) throws SQLException {
        try (PreparedStatement query = conn.prepareStatement("""
                SELECT (record).price, was_created, was_updated
                FROM update_or_create(NULL::products,
                    jsonb_build_object('name', ?), jsonb_build_object('price', ?))""")) {
            query.setString(1, "desk");
            query.setBigDecimal(2, new BigDecimal(price));
            try (ResultSet row = query.executeQuery()) {
                row.next();
                return row.getBigDecimal("price")
                        + (row.getBoolean("was_created") ? " created" : "")
                        + (row.getBoolean("was_updated") ? " updated" : "");
            }
        }
    }

    // ----- what bites --------------------------------------------------------

    static void setStringIsVarchar(Connection conn) throws Exception {
        String lookup = "{\"name\": \"bite\"}";
        String wrong = "SELECT was_created FROM get_or_create(NULL::products, ?)";

        Tap.fails("function get_or_create(products, character varying) does not exist",
                () -> wasCreated(conn, wrong, query -> query.setString(1, lookup)));
        assert wasCreated(conn, "SELECT was_created FROM get_or_create(NULL::products, ?::jsonb)",
                query -> query.setString(1, lookup));
        assert !wasCreated(conn, wrong, query -> query.setObject(1, lookup, Types.OTHER));

        PGobject jsonb = new PGobject();
        jsonb.setType("jsonb");
        jsonb.setValue(lookup);
        assert !wasCreated(conn, wrong, query -> query.setObject(1, jsonb));
    }

    static void targetNeedsItsType(Connection conn) throws Exception {
        Tap.fails("could not determine polymorphic type",
                () -> wasCreated(conn, "SELECT was_created FROM get_or_create(?, ?::jsonb)", query -> {
                    query.setNull(1, Types.OTHER);
                    query.setString(2, "{\"name\": \"bite\"}");
                }));
        assert !wasCreated(conn, "SELECT was_created FROM get_or_create(NULL::products, ?::jsonb)",
                query -> query.setString(1, "{\"name\": \"bite\"}"));
    }

    static void timestampHasNoType(Connection conn) throws Exception {
        String wrong = """
                SELECT was_created FROM get_or_create(NULL::products,
                    jsonb_build_object('name', 'dated'), jsonb_build_object('created_at', ?))""";
        Timestamp now = new Timestamp(System.currentTimeMillis());

        Tap.fails("could not determine data type of parameter $1",
                () -> wasCreated(conn, wrong, query -> query.setTimestamp(1, now)));
        Tap.fails("could not determine data type of parameter $1",
                () -> wasCreated(conn, wrong, query -> query.setObject(1, null)));
        assert wasCreated(conn, wrong.replace("?", "?::timestamptz"), query -> query.setTimestamp(1, now));
        assert !wasCreated(conn, wrong, query -> query.setObject(1, OffsetDateTime.now()));
    }

    static void questionMark(Connection conn) throws Exception {
        Tap.fails("No value specified for parameter 1",
                () -> count(conn, "properties ? 'size'"));
        assert count(conn, "properties ?? 'size'") == 1;
    }

    static void base64(Connection conn) throws Exception {
        Tap.fails("invalid value for bytea column \"photo\"",
                () -> wasCreated(conn, "SELECT was_created FROM get_or_create(NULL::products, ?::jsonb, ?::jsonb)",
                        query -> {
                            query.setString(1, "{\"name\": \"photo\"}");
                            query.setString(2, "{\"photo\": \"aGVsbG8=\"}");
                        }));
        Product product = Guard.getOrCreate(conn, "products", Product::of, Map.of("name", "photo"),
                Map.of("photo", "hello".getBytes(StandardCharsets.UTF_8))).row();
        assert new String(product.photo(), StandardCharsets.UTF_8).equals("hello");
    }

    static void transactionIsAborted(Connection conn) throws Exception {
        conn.setAutoCommit(false);
        try {
            execute(conn, "INSERT INTO products (name) VALUES ('xiomi_mi12')");
            assert false;
        } catch (PSQLException error) {
            Tap.fails("current transaction is aborted",
                    () -> Guard.classifyIntegrityError(conn, error));
            conn.rollback();
            assert Guard.classifyIntegrityError(conn, error).kind().equals("unique_violation");
        } finally {
            conn.rollback();
            conn.setAutoCommit(true);
        }
    }

    static void executeBatch(Connection conn) throws Exception {
        try (PreparedStatement insert = conn.prepareStatement(
                "INSERT INTO products (name) VALUES (?)")) {
            insert.setString(1, "xiomi_mi12");
            insert.addBatch();
            insert.executeBatch();
            assert false;
        } catch (BatchUpdateException error) {      // is no PSQLException
            var problem = Guard.classifyIntegrityError(conn, (PSQLException) error.getNextException());
            assert problem.columns().equals(List.of("name"));
        }
    }

    static void readOnly(Connection conn) throws Exception {
        conn.setAutoCommit(false);
        conn.setReadOnly(true);
        try {
            assert !Guard.getOrCreate(conn, "products", Product::of, Map.of("name", "xiomi_mi12"), Map.of())
                    .wasCreated();
            Guard.getOrCreate(conn, "products", Product::of, Map.of("name", "read only"), Map.of());
            assert false;
        } catch (PSQLException error) {
            assert error.getSQLState().equals("25006");
            assert error.getMessage().contains(
                    "cannot create a row in \"products\" in a read-only transaction");
        } finally {
            conn.rollback();
            conn.setReadOnly(false);
            conn.setAutoCommit(true);
        }
        assert Guard.getOrCreate(conn, "products", Product::of, Map.of("name", "read only"), Map.of())
                .wasCreated();
    }

    static void executeUpdate(Connection conn) throws Exception {
        String sql = "SELECT was_created FROM get_or_create(NULL::products, ?::jsonb)";

        try (PreparedStatement query = conn.prepareStatement(sql)) {
            query.setString(1, "{\"name\": \"executed\"}");
            Tap.fails("A result was returned when none was expected", query::executeUpdate);
        }
        assert count(conn, "name = 'executed'") == 1;     // in spite of the exception
        assert !wasCreated(conn, sql, query -> query.setString(1, "{\"name\": \"executed\"}"));
    }

    static void filledInByTheApplication(Connection conn) throws Exception {
        String sql = """
                SELECT was_created FROM get_or_create(NULL::customers,
                    jsonb_build_object('email', 'ann@example.org'),
                    jsonb_build_object('state', 'new', 'created_at', ?, 'updated_at', ?))""";
        OffsetDateTime now = OffsetDateTime.now();

        Tap.fails("null value in column \"created_at\"", () -> wasCreated(conn,
                "SELECT was_created FROM get_or_create(NULL::customers, ?::jsonb, '{\"state\": \"new\"}')",
                query -> query.setString(1, "{\"email\": \"ann@example.org\"}")));
        assert wasCreated(conn, sql, query -> {
            query.setObject(1, now);
            query.setObject(2, now);
        });
    }

    // ----- statements that the server keeps ----------------------------------

    static void namedColumnsOutliveAlterTable(Connection conn) throws Exception {
        try (PreparedStatement query = conn.prepareStatement("""
                SELECT (g.record).id, (g.record).name, g.was_created
                FROM get_or_create(NULL::products, jsonb_build_object('name', ?)) AS g""")) {
            conn.setAutoCommit(false);
            callTenTimes(query);
            assert isPrepared(conn, "SELECT (g.record).id, (g.record).name, g.was_created");
            addColumn("weight");
            callTenTimes(query);
            conn.commit();
        } finally {
            conn.rollback();
            conn.setAutoCommit(true);
        }
    }

    static void starOutlivesAlterTable(Connection conn) throws Exception {
        try (PreparedStatement query = conn.prepareStatement("""
                SELECT (g.record).*
                FROM get_or_create(NULL::products, jsonb_build_object('name', ?)) AS g""")) {
            conn.setAutoCommit(false);
            callTenTimes(query);
            assert isPrepared(conn, "SELECT (g.record).*\nFROM");
            addColumn("height");
            callTenTimes(query);
        } finally {
            conn.rollback();
            conn.setAutoCommit(true);
        }
    }

    private static void callTenTimes(PreparedStatement query) throws SQLException {
        for (int n = 0; n < 10; n++) {
            query.setString(1, "xiomi_mi12");
            try (ResultSet row = query.executeQuery()) {
                row.next();
                assert row.getString("name").equals("xiomi_mi12");
            }
        }
        if (!query.getConnection().getAutoCommit())
            query.getConnection().commit();
    }

    private static boolean isPrepared(Connection conn, String sql) throws SQLException {
        try (PreparedStatement query = conn.prepareStatement(
                "SELECT FROM pg_prepared_statements WHERE starts_with(statement, ?)")) {
            query.setString(1, sql);
            try (ResultSet row = query.executeQuery()) {
                return row.next();
            }
        }
    }

    // By another session, as a deployment does.
    private static void addColumn(String name) throws SQLException {
        try (Connection other = connect()) {
            execute(other, "ALTER TABLE products ADD COLUMN " + name + " numeric");
        }
    }

    // ----- small change ------------------------------------------------------

    private interface Parameters {
        void set(PreparedStatement query) throws SQLException;
    }

    private static boolean wasCreated(Connection conn, String sql, Parameters parameters)
            throws SQLException {
        try (PreparedStatement query = conn.prepareStatement(sql)) {
            parameters.set(query);
            try (ResultSet row = query.executeQuery()) {
                row.next();
                return row.getBoolean("was_created");
            }
        }
    }

    private static int count(Connection conn, String condition) throws SQLException {
        try (PreparedStatement query = conn.prepareStatement(
                    "SELECT count(*) FROM products WHERE " + condition);
                ResultSet row = query.executeQuery()) {
            row.next();
            return row.getInt(1);
        }
    }

    private static void execute(Connection conn, String sql) throws SQLException {
        try (Statement statement = conn.createStatement()) {
            statement.execute(sql);
        }
    }

    public static void main(String[] arguments) throws SQLException {
        url = arguments[0];
        try (Connection conn = connect()) {
            System.exit(new Tap()
                    .example("get_or_create gives a product and a flag", Example::productAndFlag)
                    .example("values of all types go through", Example::allTypes)
                    .example("without the helper", Example::withoutTheHelper)
                    .example("in a transaction it is rolled back with the rest", Example::rolledBack)
                    .example("eight threads at once create each row once", Example::eightThreads)
                    .example("an integrity error becomes a message of the form", Example::formMessage)
                    .example("a duplicate as well", Example::duplicateMessage)
                    .example("try_create gives the error instead of raising it", Example::tryCreate)
                    .example("a batch is one call", Example::batch)
                    .example("update_or_create writes only what differs", Example::update)
                    .example("setString is varchar", Example::setStringIsVarchar)
                    .example("the target needs its type", Example::targetNeedsItsType)
                    .example("setTimestamp and setObject(null) send no type", Example::timestampHasNoType)
                    .example("jsonb operators with a question mark", Example::questionMark)
                    .example("bytes as base64 are refused", Example::base64)
                    .example("after an error the transaction is aborted", Example::transactionIsAborted)
                    .example("executeBatch wraps the server's error", Example::executeBatch)
                    .example("a read-only connection creates nothing", Example::readOnly)
                    .example("executeUpdate is not for SELECT", Example::executeUpdate)
                    .example("what only the application fills in must be sent", Example::filledInByTheApplication)
                    .example("named columns outlive ALTER TABLE", Example::namedColumnsOutliveAlterTable)
                    .example("so does a star", Example::starOutlivesAlterTable)
                    .run(conn));
        }
    }
}
