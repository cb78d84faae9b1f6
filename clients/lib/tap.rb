# frozen_string_literal: true

# The examples in Ruby as tests: what they need to report in TAP.
module Tap
  EXAMPLES = []

  module_function

  # What an example shows, and how.
  def example(name, &show)
    EXAMPLES << [name, show]
  end

  def check(true_or_not, what = nil)
    raise "it is not so: #{what}" unless true_or_not
  end

  def equal(got, expected)
    raise "#{got.inspect} instead of #{expected.inspect}" unless got == expected
  end

  # The block, which shows the wrong way, raises this.
  def fails(error, text = '')
    yield
  rescue error => e
    raise "#{text}, but #{e.message}" unless e.message.include?(text)
  else
    raise "no error, but #{error} was expected"
  end

  # Calls the block in so many threads at once; returns the answers.
  def at_once(times = 8)
    gate = Queue.new
    threads = times.times.map { |n| Thread.new { gate.pop && yield(n) } }
    times.times { gate << true }
    threads.map(&:value)
  end

  def run
    puts "1..#{EXAMPLES.size}"
    failed = 0
    EXAMPLES.each.with_index(1) do |(name, show), number|
      show.call
      puts "ok #{number} - #{name}"
    rescue StandardError => e
      failed = 1
      puts "not ok #{number} - #{name}", e.full_message(highlight: false).gsub(/^/, '# ')
    end
    exit failed
  end
end
