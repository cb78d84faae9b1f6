<?php
// duplicate_guard from PDO, by example.

require __DIR__ . '/../lib/tap.php';
require __DIR__ . '/guard.php';

final class Product
{
    public const TABLE = 'products';

    public function __construct(
        public readonly int $id,
        public readonly string $name,
        public readonly string $price,
        public readonly ?int $category_id,
        public readonly ?string $sku,
        public readonly ?string $released_on,
        public readonly mixed $photo,
        public readonly string $tags,
        public readonly string $properties,
        public readonly ?string $note,
        public readonly string $created_at,
    ) {
    }
}

function connect(array $options = []): PDO
{
    $address = 'pgsql:host=' . getenv('PGHOST') . ';port=' . getenv('PGPORT') . ';dbname=' . getenv('PGDATABASE');
    return new PDO($address, getenv('PGUSER'), getenv('PGPASSWORD'), $options);
}

// ----- the row as an object, and whether it is new ---------------------------

example('get_or_create gives a product and a flag', function (PDO $db) {
    [$product, $created] = get_or_create($db, Product::class, ['name' => 'xiomi_mi12'], ['price' => '199.90']);
    check($created && $product->price === '199.90');

    [$again, $created] = get_or_create($db, Product::class, ['name' => 'xiomi_mi12'], ['price' => '249.90']);
    check(!$created && $again == $product);
});

example('values of all types go through', function (PDO $db) {
    $photo = "\x89PNG\x00\xff";
    [$product, $created] = get_or_create($db, Product::class, ['name' => 'Ångström'], [
        'price' => '12345678.90',
        'sku' => 'd9428888-122b-11e1-b85c-61cd3cbb3210',
        'released_on' => '2024-02-29',
        'photo' => bytea($photo),
        'tags' => ['green', 'with "quotes", commas', 'NULL', 'ünï'],
        'properties' => ['size' => [1, 2], 'deep' => ['null' => null]],
        'note' => null,
        'created_at' => '2024-02-29T23:59:59.123456+02:00',
    ]);
    check($created && $product->name === 'Ångström');
    check($product->price === '12345678.90');
    check($product->sku === 'd9428888-122b-11e1-b85c-61cd3cbb3210');
    check($product->released_on === '2024-02-29');
    check(stream_get_contents($product->photo) === $photo);
    check($product->tags === '{green,"with \"quotes\", commas","NULL",ünï}');
    check(json_decode($product->properties, true) === ['deep' => ['null' => null], 'size' => [1, 2]]);
    check($product->note === null);
    check(new DateTimeImmutable($product->created_at) == new DateTimeImmutable('2024-02-29 21:59:59.123456+00'));
});

// ----- in a transaction, and many at once ------------------------------------

example('in a transaction it is rolled back with the rest', function (PDO $db) {
    $db->beginTransaction();
    [, $created] = get_or_create($db, Product::class, ['name' => 'undone']);
    check($created);
    $db->rollBack();
    check($db->query("SELECT count(*) FROM products WHERE name = 'undone'")->fetchColumn() === 0);
});

example('eight processes at once create each row once', function (PDO $db) {
    foreach (at_once([PHP_BINARY, __FILE__, 'process']) as $answer) {
        foreach (json_decode($answer, true, flags: JSON_THROW_ON_ERROR) as $name => [$id, $created]) {
            $ids[$name][$id] = ($ids[$name][$id] ?? 0) + 1;
            $creations[$name] = ($creations[$name] ?? 0) + (int) $created;
        }
    }
    check(count($ids) === 20);
    foreach ($ids as $name => $same) {
        check(array_values($same) === [8], "$name is one row for all");
        check($creations[$name] === 1, "one of them created $name");
    }
});

if (($argv[1] ?? '') === 'process') {
    $db = connect();
    echo "ready\n";
    fgets(STDIN);                       // until all of them are ready
    $db->beginTransaction();            // one transaction for all names
    for ($n = 0; $n < 20; $n++) {
        [$product, $created] = get_or_create($db, Product::class, ['name' => "process $n"]);
        $answers[$product->name] = [$product->id, $created];
    }
    $db->query("SELECT 'still usable'");
    $db->commit();
    echo json_encode($answers);
    exit(0);
}

// ----- errors as data --------------------------------------------------------

example('an integrity error becomes a message of the form', function (PDO $db) {
    $errors = [];
    try {
        $db->prepare('INSERT INTO products (name, price) VALUES (?, ?)')->execute(['lamp', '-1']);
    } catch (PDOException $error) {
        $problem = classify_integrity_error($db, $error);
        foreach ($problem->columns ?? ['form'] as $column) {
            $errors[$column] = $problem->user_message;
        }
    }
    check($errors === ['price' => 'The price must not be negative.']);
    check($problem->http_status === 422);
});

example('within a transaction a savepoint keeps it usable', function (PDO $db) {
    $db->beginTransaction();
    $db->exec('SAVEPOINT form');
    try {
        $db->exec("INSERT INTO products (name) VALUES ('xiomi_mi12')");
    } catch (PDOException $error) {
        $db->exec('ROLLBACK TO SAVEPOINT form');
        $problem = classify_integrity_error($db, $error);
    }
    $db->commit();
    check($problem->kind === 'unique_violation');
    check($problem->columns === ['name'] && $problem->key_values === ['xiomi_mi12']);
    check($problem->user_message === 'A product with this name already exists.');
});

example('try_create gives the error instead of raising it', function (PDO $db) {
    $form = ['name' => 'chair', 'price' => '5', 'category_id' => 7];

    $query = $db->prepare(
        'SELECT was_created, (record).id, to_json((error).columns) AS columns, (error).user_message
         FROM try_create(NULL::products, ?::jsonb)');
    $query->execute([jsonb($form)]);
    $answer = $query->fetchObject();
    check($answer->was_created === false && $answer->id === null);
    check(json_decode($answer->columns) === ['category_id']);
    check($answer->user_message === 'This category does not exist.');
});

// ----- batches and updates ---------------------------------------------------

example('a batch is one call', function (PDO $db) {
    $rows = [['name' => 'pen', 'price' => '1.20'], ['name' => 'xiomi_mi12'], ['name' => 'pen']];

    $query = $db->prepare(
        "SELECT (g.record).*, g.was_created
         FROM get_or_create_many(NULL::products, ?::jsonb, key_columns => '{name}') AS g
         ORDER BY g.ordinality");
    $query->execute([json_encode($rows, JSON_THROW_ON_ERROR)]);
    $answers = $query->fetchAll(PDO::FETCH_OBJ);
    check(array_column($answers, 'was_created') === [true, false, false]);
    check($answers[0]->id === $answers[2]->id && $answers[2]->price === '1.20');
});

example('update_or_create writes only what differs', function (PDO $db) {
    $query = $db->prepare(
        'SELECT (record).price, was_created, was_updated
         FROM update_or_create(NULL::products, ?::jsonb, ?::jsonb)');
    $set_price = function (string $price) use ($query) {
        $query->execute([jsonb(['name' => 'desk']), jsonb(['price' => $price])]);
        return $query->fetch(PDO::FETCH_NUM);
    };
    check($set_price('90') === ['90.00', true, false]);
    check($set_price('90') === ['90.00', false, false]);
    check($set_price('95') === ['95.00', false, true]);
});

// ----- what bites ------------------------------------------------------------

example('an empty array is a list in JSON, and no lookup', function (PDO $db) {
    $query = $db->prepare('SELECT was_created FROM get_or_create(NULL::products, ?::jsonb, ?::jsonb)');

    check(json_encode([]) === '[]' && jsonb([]) === '{}');
    fails('lookup must be a JSON object', fn () => $query->execute([json_encode([]), '{}']));
    $query->execute([jsonb(['name' => 'bite']), json_encode([])]);  // taken as no defaults
    check($query->fetchColumn() === true);
});

example('a list instead of an object: PHP numbers what has no keys', function (PDO $db) {
    fails('lookup must be a JSON object', fn () => get_or_create($db, Product::class, ['bite']));
});

example('a parameter within jsonb_build_object needs its type', function (PDO $db) {
    $query = "SELECT was_created FROM get_or_create(NULL::products, jsonb_build_object('name', %s))";

    fails('could not determine data type of parameter $1',
        fn () => $db->prepare(sprintf($query, '?'))->execute(['bite']));
    check($db->prepare(sprintf($query, '?::text'))->execute(['bite']));
});

example('the question marks of jsonb operators are doubled', function (PDO $db) {
    $query = "SELECT count(*) FROM products WHERE properties %s 'size' AND name <> ?";

    fails('syntax error at or near "$1"', fn () => $db->prepare(sprintf($query, '?'))->execute(['']));
    $right = $db->prepare(sprintf($query, '??'));
    $right->execute(['']);
    check($right->fetchColumn() === 1);
});

example('false becomes an empty string', function (PDO $db) {
    $query = $db->prepare('SELECT was_created FROM get_or_create(NULL::products, ?::jsonb, require_unique => ?)');

    fails('invalid input syntax for type boolean: ""', fn () => $query->execute([jsonb(['name' => 'bite']), false]));
    $query->bindValue(1, jsonb(['name' => 'bite']));
    $query->bindValue(2, false, PDO::PARAM_BOOL);
    check($query->execute());
});

example('bytes as base64 are refused, not stored as text', function (PDO $db) {
    fails('invalid value for bytea column "photo"', fn () => get_or_create(
        $db, Product::class, ['name' => 'photo'], ['photo' => base64_encode('hello')]));
    [$product] = get_or_create($db, Product::class, ['name' => 'photo'], ['photo' => bytea('hello')]);
    check(stream_get_contents($product->photo) === 'hello');
});

example('floats lose the price, strings keep it', function (PDO $db) {
    check(json_encode(0.1 + 0.2) !== '0.3');
    [$product] = get_or_create($db, Product::class, ['name' => 'exact'], ['price' => '0.30']);
    check($product->price === '0.30');
});

example('emulated prepared statements work as well', function (PDO $db) {
    $emulated = connect([PDO::ATTR_EMULATE_PREPARES => true]);
    [$product, $created] = get_or_create($emulated, Product::class, ['name' => "O'Reilly \\ ?"]);
    check($created && $product->name === "O'Reilly \\ ?");
});

example('what only the application fills in must be sent', function (PDO $db) {
    $query = $db->prepare('SELECT was_created FROM get_or_create(NULL::customers, ?::jsonb, ?::jsonb)');
    $now = date(DATE_ATOM);

    fails('null value in column "created_at"',
        fn () => $query->execute([jsonb(['email' => 'ann@example.org']), jsonb(['state' => 'new'])]));
    $query->execute([jsonb(['email' => 'ann@example.org']),
        jsonb(['state' => 'new', 'created_at' => $now, 'updated_at' => $now])]);
    check($query->fetchColumn() === true);
});

run(connect());
