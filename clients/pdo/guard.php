<?php
// duplicate_guard from PDO: copy this file.

// A text for a jsonb parameter; an array without keys is an object without columns.
function jsonb(array $columns): string
{
    return json_encode($columns, JSON_THROW_ON_ERROR | ($columns ? 0 : JSON_FORCE_OBJECT));
}

// Bytes as PostgreSQL writes them in text.
function bytea(string $bytes): string
{
    return '\x' . bin2hex($bytes);
}

/**
 * The row as an object of the class, and whether it was created.
 *
 * @template T of object
 * @param class-string<T> $class  its constant TABLE names the table
 * @return array{T, bool}
 */
function get_or_create(PDO $db, string $class, array $lookup, array $defaults = []): array
{
    $query = $db->prepare(
        'SELECT g.was_created, (g.record).*
         FROM get_or_create(NULL::' . $class::TABLE . ', ?::jsonb, ?::jsonb) AS g');
    $query->bindColumn('was_created', $created, PDO::PARAM_BOOL);
    $query->execute([jsonb($lookup), jsonb($defaults)]);
    $row = $query->fetch(PDO::FETCH_ASSOC);
    unset($row['was_created']);
    return [new $class(...$row), $created];
}

/** The facts of an error.  Roll back first: in a failed transaction nothing can be called. */
function classify_integrity_error(PDO $db, PDOException $error): object
{
    $query = $db->prepare(
        'SELECT kind, http_status, user_message, to_json(columns) AS columns, to_json(key_values) AS key_values
         FROM classify_integrity_error(?)');
    $query->execute([$error->getMessage()]);
    $facts = $query->fetchObject();
    $facts->columns = json_decode($facts->columns ?? 'null');
    $facts->key_values = json_decode($facts->key_values ?? 'null');
    return $facts;
}
