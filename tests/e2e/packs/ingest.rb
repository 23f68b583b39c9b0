# Runs an ingest pipeline over lines: the processors that the pipeline uses, with the regular expressions of Onigmo, which those
# of Elasticsearch's grok come from. What it does not know it refuses. Arguments: the pipeline, a JSON list of lines.
require 'json'
require 'time'

class Document
  def initialize(line)
    @root = { 'message' => line }
  end
  attr_reader :root

  def get(path)
    path.split('.').reduce(@root) { |at, name| at.is_a?(Hash) ? at[name] : nil }
  end

  def set(path, value)
    *way, last = path.split('.')
    way.reduce(@root) { |at, name| at[name] ||= {} }[last] = value
  end

  def remove(path)
    *way, last = path.split('.')
    at = way.reduce(@root) { |it, name| it.is_a?(Hash) ? it[name] : nil }
    at.is_a?(Hash) ? at.delete(last) : nil
  end
end

# `ctx.a?.b == 'x'`, with == or != and a text or null
def holds?(document, condition)
  return true if condition.nil?
  found = condition.match(/\Actx((?:\??\.\w+)+) (==|!=) (?:'([^']*)'|null)\z/) or raise "no condition: #{condition}"
  value = document.get(found[1].delete('?')[1..])
  (value == found[3]) == (found[2] == '==')
end

# a pattern, with %{NAME:field:type} as a group; and which group is which field
def compiled(pattern, definitions)
  fields = []
  text = pattern.gsub(/%\{(\w+)(?::([\w.]+))?(?::(\w+))?\}/) do
    name, field, type = $1, $2, $3
    definition = definitions.fetch(name)
    next "(?:#{definition})" if field.nil?
    fields << [field, type]
    "(?<group#{fields.length}>#{definition})"
  end
  [Regexp.new(text), fields]
end

def number(value)
  Integer(value.to_s, 10)
end

def address?(text)
  parts = text.split('.', -1)
  parts.length == 4 && parts.all? { |part| part.match?(/\A\d{1,3}\z/) && part.to_i < 256 }
end

def apply(document, kind, options)
  field = options['field']
  value = field.is_a?(String) ? document.get(field) : nil
  missing = value.nil?
  return if missing && options['ignore_missing'] && kind != 'set'
  case kind
  when 'rename'
    raise "no #{field}" if missing
    document.set(options['target_field'], document.remove(field))
  when 'grok'
    options['patterns'].each do |pattern|
      regexp, fields = compiled(pattern, options['pattern_definitions'])
      found = regexp.match(value) or next
      fields.each_with_index do |(name, type), index|
        text = found["group#{index + 1}"]
        document.set(name, type == 'long' ? number(text) : text) unless text.nil?
      end
      return
    end
    raise "grok: no pattern matches #{value}"
  when 'json'
    document.set(options['target_field'], JSON.parse(value))
  when 'gsub'
    document.set(field, value.gsub(Regexp.new(options['pattern']), options['replacement'].gsub(/\$(\d)/, '\\\\\1')))
  when 'convert'
    target = options['target_field'] || field
    case options['type']
    when 'long' then document.set(target, number(value))
    when 'ip'
      if address?(value) || value.include?(':')
        document.set(target, value)
      elsif !options['ignore_failure']
        raise "no address: #{value}"
      end
    else raise "no type: #{options['type']}"
    end
  when 'uppercase'
    document.set(field, value.upcase)
  when 'date'
    raise 'only ISO8601' unless options['formats'] == ['ISO8601']
    document.set(options['target_field'], Time.iso8601(value).utc.iso8601(3))
  when 'set'
    given = options.key?('copy_from') ? document.get(options['copy_from']) : options['value']
    return if (given.nil? || given == '') && options['ignore_empty_value']
    document.set(field, given)
  when 'remove'
    document.remove(field)
  else raise "no processor: #{kind}"
  end
end

pipeline = JSON.parse(File.read(ARGV[0]))
documents = JSON.parse(File.read(ARGV[1])).map do |line|
  document = Document.new(line)
  pipeline['processors'].each do |processor|
    kind, options = processor.first
    apply(document, kind, options) if holds?(document, options['if'])
  end
  document.root
end
puts JSON.generate(documents)
