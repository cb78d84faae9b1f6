# frozen_string_literal: true

# duplicate_guard from ActiveRecord, by example.

require 'active_record'
require 'tap'
require_relative 'guard'

include Tap

# ActiveRecord takes the rest from PGHOST, PGPORT, PGUSER and PGDATABASE.
ActiveRecord::Base.establish_connection(adapter: 'postgresql', pool: 10)

class ApplicationRecord < ActiveRecord::Base
  self.abstract_class = true
  include Guard
end

class Category < ApplicationRecord
end

class Product < ApplicationRecord
  belongs_to :category, optional: true
end

class Customer < ApplicationRecord
  enum state: { fresh: 'new', regular: 'reg' }, _default: :fresh
end

# ----- the row as a record, and whether it is new ----------------------------

example 'guarded_get_or_create gives a product that knows whether it is new' do
  product = Product.guarded_get_or_create({ name: 'xiomi_mi12' }, { price: '199.90' })
  check product.was_created
  equal product.price, BigDecimal('199.90')

  again = Product.guarded_get_or_create({ name: 'xiomi_mi12' }, { price: '249.90' })
  check !again.was_created
  equal again, product
  equal again.price, BigDecimal('199.90')
end

example 'without the concern it is find_by_sql' do
  product = Product.uncached do
    Product.find_by_sql([<<~SQL, { lookup: { name: 'xiomi_mi12' }.to_json }]).first
      SELECT (g.record).*, g.was_created
      FROM get_or_create(NULL::products, :lookup::jsonb) AS g
    SQL
  end
  check !product.was_created
end

example 'values of all types go through' do
  values = {
    price: BigDecimal('12345678.90'),
    sku: 'd9428888-122b-11e1-b85c-61cd3cbb3210',
    released_on: Date.new(2024, 2, 29),
    photo: "\x89PNG\x00\xFF".b,
    tags: ['green', 'with "quotes", commas', 'NULL', 'ünï'],
    properties: { 'size' => [1, 2], 'deep' => { 'null' => nil } },
    note: nil,
    created_at: Time.new(2024, 2, 29, 23, 59, 59.123456r, '+02:00')
  }
  product = Product.guarded_get_or_create({ name: 'Ångström' }, values)
  check product.was_created
  values.each { |name, value| equal product.reload[name], value }
end

example 'it is a record like any other' do
  product = Product.guarded_get_or_create({ name: 'xiomi_mi12' })
  product.update!(note: 'changed', category: Category.guarded_get_or_create({ name: 'phones' }))
  equal Product.find(product.id).category.name, 'phones'
end

# ----- in a transaction, and many at once ------------------------------------

example 'in a transaction it is rolled back with the rest' do
  Product.transaction do
    check Product.guarded_get_or_create({ name: 'undone' }).was_created
    raise ActiveRecord::Rollback
  end
  check !Product.exists?(name: 'undone')
end

example 'eight threads at once create each row once' do
  names = (1..20).map { |n| "thread #{n}" }
  answers = at_once do
    Product.transaction do # one for all of them
      products = names.map { |name| Product.guarded_get_or_create({ name: name }) }
      check Product.exists?(name: names.first), 'still usable'
      products
    end
  end
  answers.transpose.each do |of_one_name|
    equal of_one_name.uniq.size, 1
    equal of_one_name.count(&:was_created), 1
  end
end

# ----- errors as data --------------------------------------------------------

example 'an integrity error becomes a message of the form' do
  product = Product.new(name: 'lamp', price: -1)
  Product.transaction do
    begin
      Product.transaction(requires_new: true) { product.save! } # a savepoint
    rescue ActiveRecord::StatementInvalid => e
      problem = Guard.classify_integrity_error(e)
      (problem[:columns] || [:base]).each { |name| product.errors.add(name, problem[:user_message]) }
    end
    check Product.exists?(name: 'xiomi_mi12'), 'still usable'
  end
  equal product.errors.to_hash, { price: ['The price must not be negative.'] }
end

example 'any subclass of StatementInvalid will do' do
  Product.create!(name: 'xiomi_mi12')
rescue ActiveRecord::RecordNotUnique => e
  problem = Guard.classify_integrity_error(e)
  equal problem.values_at(:kind, :columns, :key_values, :http_status),
        ['unique_violation', ['name'], ['xiomi_mi12'], 409]
  equal problem[:user_message], 'A product with this name already exists.'
end

example 'try_create gives the error instead of raising it' do
  form = { name: 'chair', price: '5', category_id: 7 }

  answer = Product.find_by_sql([<<~SQL, { form: form.to_json }]).first
    SELECT (t.record).*, t.was_created, (t.error).columns AS wrong, (t.error).user_message
    FROM try_create(NULL::products, :form::jsonb) AS t
  SQL
  check !answer.was_created
  equal answer.wrong, ['category_id']
  equal answer.user_message, 'This category does not exist.'
end

# ----- batches and updates ---------------------------------------------------

example 'a batch is one call' do
  rows = [{ name: 'pen', price: '1.20' }, { name: 'xiomi_mi12' }, { name: 'pen' }]

  products = Product.find_by_sql([<<~SQL, { rows: rows.to_json }])
    SELECT (g.record).*, g.was_created
    FROM get_or_create_many(NULL::products, :rows::jsonb, key_columns => '{name}') AS g
    ORDER BY g.ordinality
  SQL
  equal products.map(&:was_created), [true, false, false]
  equal products[0], products[2]
  equal products[2].price, BigDecimal('1.20')
end

example 'guarded_update_or_create writes only what differs' do
  set = lambda do |price|
    desk = Product.guarded_update_or_create({ name: 'desk' }, { price: price })
    [desk.price.to_s('F'), desk.was_created, desk.was_updated]
  end
  equal set.call(90), ['90.0', true, false]
  equal set.call(90), ['90.0', false, false]
  equal set.call(95), ['95.0', false, true]
end

example 'updated_at is touched only by an update' do
  lookup = { email: 'ann@example.org' }
  created = Customer.guarded_update_or_create(lookup, { state: :fresh }).reload
  equal Customer.guarded_update_or_create(lookup, { state: :fresh }).updated_at, created.updated_at
  updated = Customer.guarded_update_or_create(lookup, { state: :regular }).reload
  check updated.updated_at > created.updated_at
  equal updated.created_at, created.created_at
end

# ----- what bites ------------------------------------------------------------

QUERY = "SELECT (g.record).*, g.was_created FROM get_or_create(NULL::products, :lookup::jsonb) AS g"

example 'the query cache answers a second call from memory' do
  call = -> { Product.find_by_sql([QUERY, { lookup: { name: 'cached' }.to_json }]).first.was_created }

  Product.cache do
    check call.call
    check call.call, 'the wrong answer, from the cache'
    check !Product.uncached(&call), 'the right one'
  end
end

example 'the query cache keeps a list from before the call' do
  Product.cache do
    names = -> { Product.where(name: 'listed').pluck(:name) }
    equal names.call, []
    Product.uncached { Product.find_by_sql([QUERY, { lookup: { name: 'listed' }.to_json }]) }
    equal names.call, [] # stale
    Product.connection.clear_query_cache
    equal names.call, ['listed']
  end
end

example 'guarded_get_or_create is not answered by the query cache, and clears it' do
  Product.cache do
    equal Product.where(name: 'clean').count, 0
    check Product.guarded_get_or_create({ name: 'clean' }).was_created
    check !Product.guarded_get_or_create({ name: 'clean' }).was_created
    equal Product.where(name: 'clean').count, 1
  end
end

example 'enums and timestamps are of the model, not of the database' do
  query = "SELECT FROM get_or_create(NULL::customers, :lookup::jsonb, :defaults::jsonb)"
  send = ->(defaults) { Customer.find_by_sql([query, { lookup: '{"email": "bob@example.org"}', defaults: defaults.to_json }]) }
  now = Time.now.utc

  fails(ActiveRecord::NotNullViolation, 'null value in column "state"') { send.call({}) }
  fails(ActiveRecord::NotNullViolation, 'null value in column "created_at"') { send.call({ state: 'new' }) }
  send.call({ state: :fresh, created_at: now, updated_at: now })
  equal Customer.find_by(email: 'bob@example.org').state, nil # stored as 'fresh', which is no state

  state = Customer.type_for_attribute('state').serialize(:fresh)
  equal state, 'new'
  equal Customer.guarded_get_or_create({ email: 'cyd@example.org' }, { state: :fresh }).state, 'fresh'
  equal Customer.guarded_get_or_create({ email: 'dan@example.org' }).state, 'fresh'
end

example 'a time without zone has to be in UTC' do
  ActiveRecord::Base.connection.execute(
    'CREATE TABLE visits (id serial PRIMARY KEY, place text UNIQUE, started_at timestamp)')
  visit = Class.new(ApplicationRecord) { self.table_name = 'visits' }
  noon = Time.new(2024, 7, 1, 12, 0, 0, '+02:00')

  wrong = visit.find_by_sql(
    "SELECT (g.record).* FROM get_or_create(NULL::visits, '{\"place\": \"wrong\"}',
                                            #{visit.connection.quote({ started_at: noon }.to_json)}) AS g").first
  equal wrong.started_at.hour, 12 # two hours late
  right = visit.guarded_get_or_create({ place: 'right' }, { started_at: noon })
  equal right.started_at, noon
end

example 'to_json cuts microseconds, and knows no bytes' do
  equal({ at: Time.utc(2024, 2, 29, 23, 59, 59.123456r) }.to_json, '{"at":"2024-02-29T23:59:59.123Z"}')
  fails(StandardError) { { photo: "\xFF\x00".b }.to_json }
end

example 'a SELECT goes to the replica when a role says so' do
  ApplicationRecord.connects_to database: {
    writing: { adapter: 'postgresql', pool: 10 },
    reading: { adapter: 'postgresql', variables: { default_transaction_read_only: 'on' } }
  }
  ActiveRecord::Base.connected_to(role: :reading) do
    check !Product.guarded_get_or_create({ name: 'xiomi_mi12' }).was_created # a hit works there
    fails(ActiveRecord::StatementInvalid, 'in a read-only transaction') do
      Product.guarded_get_or_create({ name: 'routed' })
    end
    product = ActiveRecord::Base.connected_to(role: :writing) do
      Product.guarded_get_or_create({ name: 'routed' })
    end
    check product.was_created
  end
end

# ----- what ActiveRecord's own methods do -------------------------------------

# The statements of the block, by their first words.
def statements
  seen = []
  listener = ActiveSupport::Notifications.subscribe('sql.active_record') do |*, payload|
    seen << payload[:sql][/\A(ROLLBACK TO|\w+)/] unless payload[:name] == 'SCHEMA'
  end
  yield
  seen
ensure
  ActiveSupport::Notifications.unsubscribe(listener)
end

example 'its own ways, in a transaction' do
  sequence = -> { Product.connection.select_value('SELECT last_value FROM products_id_seq') }
  Product.transaction do
    sequence.call # BEGIN is not sent before the first statement
    equal statements { Product.create_or_find_by(name: 'own') }, %w[SAVEPOINT INSERT RELEASE]
    before = sequence.call
    equal statements { Product.create_or_find_by(name: 'own') }, ['SAVEPOINT', 'INSERT', 'ROLLBACK TO', 'SELECT']
    equal sequence.call, before + 1 # a hit has used up a value
    equal statements { Product.find_or_create_by(name: 'own') }, %w[SELECT]
    equal statements { Product.guarded_get_or_create({ name: 'own' }) }, %w[SELECT]
    equal statements { Product.guarded_get_or_create({ name: 'guarded' }) }, %w[SELECT]
    if ActiveRecord.version < Gem::Version.new('7.1')
      equal statements { Product.find_or_create_by(name: 'new') }, %w[SELECT INSERT]
    else
      equal statements { Product.find_or_create_by(name: 'new') }, %w[SELECT SAVEPOINT INSERT RELEASE]
    end
  end
end

Tap.run
