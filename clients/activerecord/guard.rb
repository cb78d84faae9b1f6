# frozen_string_literal: true

# duplicate_guard for ActiveRecord: copy this file, and include Guard in a model,
# or in ApplicationRecord for all of them.
module Guard
  extend ActiveSupport::Concern

  class_methods do
    # The record that +lookup+ identifies, created if it is not there; its
    # was_created tells.  Neither validations nor callbacks run.
    def guarded_get_or_create(lookup, defaults = {})
      guarded_find <<~SQL, lookup: guarded_json(lookup), defaults: guarded_new(lookup, defaults)
        SELECT (g.record).*, g.was_created
        FROM get_or_create(NULL::#{quoted_table_name}, :lookup::jsonb, :defaults::jsonb) AS g
      SQL
    end

    # The same, with +values+ written where they differ; was_updated tells.
    def guarded_update_or_create(lookup, values)
      touched = timestamp_attributes_for_update_in_model
      parameters = { lookup: guarded_json(lookup), values: guarded_json(values),
                     new: guarded_new(lookup, values, touched), touch: guarded_json(guarded_now(touched)) }
      guarded_find <<~SQL, **parameters
        SELECT (g.record).*, g.was_created, g.was_updated
        FROM update_or_create(NULL::#{quoted_table_name}, :lookup::jsonb, :values::jsonb,
                              create_defaults => :new::jsonb, touch => :touch::jsonb) AS g
      SQL
    end

    private

    # A SELECT that writes: no cache may answer it, nor keep what it has changed.
    def guarded_find(sql, **parameters)
      uncached { find_by_sql([sql, parameters]).first }
    ensure
      connection.clear_query_cache
    end

    # What a new record has besides the lookup: given, the model's own defaults,
    # timestamps.
    def guarded_new(lookup, attributes, except = [])
      record = new(attributes.merge(lookup))
      stamps = guarded_now(timestamp_attributes_for_create_in_model + timestamp_attributes_for_update_in_model)
      given = record.attributes.slice(*(record.changed - lookup.keys.map(&:to_s)))
      guarded_json(stamps.merge(given).except(*except))
    end

    def guarded_now(names)
      names.index_with(current_time_from_proper_timezone)
    end

    # Attributes as the model's types write them to the database.
    def guarded_json(attributes)
      attributes.to_h do |name, value|
        type = type_for_attribute(name.to_s)
        [name, %i[json jsonb].include?(type.type) ? value : Guard.json_value(type.serialize(value))]
      end.to_json
    end
  end

  def self.json_value(value)
    case value
    when ActiveModel::Type::Binary::Data then "\\x#{value.hex}"
    when ActiveRecord::ConnectionAdapters::PostgreSQL::OID::Array::Data then value.values.map { |v| json_value(v) }
    when Time, DateTime then value.to_time.utc.iso8601(6)
    else value
    end
  end

  # The facts of an ActiveRecord::StatementInvalid as a hash.  Call it after the
  # transaction or savepoint: in a failed transaction nothing can be called.
  def self.classify_integrity_error(error)
    fields = { message: 'MESSAGE_PRIMARY', detail: 'MESSAGE_DETAIL', sqlstate: 'SQLSTATE',
               schema: 'SCHEMA_NAME', table: 'TABLE_NAME', column: 'COLUMN_NAME',
               constraint: 'CONSTRAINT_NAME', datatype: 'DATATYPE_NAME' }
             .transform_values { |name| error.cause.result.error_field(PG.const_get("PG_DIAG_#{name}")) }
    answer = ActiveRecord::Base.connection.select_all(ActiveRecord::Base.sanitize_sql([<<~SQL, fields]))
      SELECT * FROM classify_integrity_error(
        message => :message, detail => :detail, sqlstate => :sqlstate,
        schema_name => :schema, table_name => :table, column_name => :column,
        constraint_name => :constraint, datatype_name => :datatype)
    SQL
    answer.columns.map(&:to_sym).zip(answer.cast_values.first).to_h
  end
end
