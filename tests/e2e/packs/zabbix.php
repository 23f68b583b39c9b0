<?php
// Reads a template as Zabbix' own importer does, and says what becomes of traps: which items take them, which triggers open
// or close a problem, and what is read out of them. Arguments: the template, and a file with a JSON list of traps.

$root = getenv('ZABBIX_FRONTEND');
set_include_path(get_include_path().PATH_SEPARATOR.$root);
spl_autoload_register(function (string $class) use ($root) {
	static $files = null;
	if ($files === null) {
		$files = [];
		$all = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($root.'/include/classes'));
		foreach ($all as $file) {
			$files[$file->getBasename('.php')] = $file->getPathname();
		}
	}
	if (array_key_exists($class, $files)) {
		require_once $files[$class];
	}
});
require_once $root.'/include/defines.inc.php';
require_once $root.'/include/gettextwrapper.inc.php';
require_once $root.'/include/translateDefines.inc.php';
require_once $root.'/include/func.inc.php';
require_once $root.'/vendor/autoload.php';

$data = CImportReaderFactory::getReader(CImportReaderFactory::YAML)->read(file_get_contents($argv[1]));
$data = (new CXmlValidator(new CImportValidatorFactory('yaml'), 'yaml'))->setStrict(true)->validate($data, '/');
$template = array_values($data['zabbix_export']['templates'])[0];
$traps = json_decode(file_get_contents($argv[2]), true);

// the one parameter of an item's key, as the server takes it out of its quotes
function pattern(string $key): string {
	$parser = new CItemKey();
	if ($parser->parse($key) != CParser::PARSE_SUCCESS || $parser->getParamsNum() != 1) {
		throw new Exception('no key: '.$key.': '.$parser->getError());
	}
	return $parser->getParam(0);
}

function matches(string $pattern, string $text): array {
	if (preg_match('/'.str_replace('/', '\/', $pattern).'/m', $text, $found) === false) {
		throw new Exception('no pattern: '.$pattern);
	}
	return $found;
}

// what every function of history in an expression says of the newest value; they are joined by "and"
function holds(string $expression, string $key, string $text): bool {
	$parser = new CExpressionParser(['usermacros' => true]);
	if ($parser->parse($expression) != CParser::PARSE_SUCCESS) {
		throw new Exception('no expression: '.$expression.': '.$parser->getError());
	}
	$holds = true;
	foreach ($parser->getResult()->getTokensOfTypes([CExpressionParserResult::TOKEN_TYPE_HIST_FUNCTION]) as $token) {
		$parameters = $token['data']['parameters'];
		if ($parameters[0]['data']['item'] !== $key) {
			throw new Exception('another item: '.$parameters[0]['match']);
		}
		if ($token['data']['function'] === 'nodata') {
			return false;
		}
		$wanted = CHistFunctionParser::unquoteParam($parameters[3]['match']);
		$holds = $holds && matches($wanted, $text) !== [];
	}
	return $holds;
}

// the macro {{ITEM.VALUE}.regsub(pattern, output)}
function read(string $macro, string $text): string {
	if (!preg_match('/^\{\{ITEM\.VALUE\}(\.regsub\((.*)\))\}$/s', $macro, $parts)
			|| !preg_match('/^"((?:[^"\\\\]|\\\\.)*)","((?:[^"\\\\]|\\\\.)*)"$/s', $parts[2], $given)) {
		throw new Exception('no macro: '.$macro);
	}
	$found = matches(str_replace('\"', '"', $given[1]), $text);
	return preg_replace_callback('/\\\\(\d)/', fn ($group) => $found[$group[1]] ?? '', $given[2]);
}

$said = [];
foreach ($traps as $text) {
	$taken = [];
	foreach ($template['items'] as $item) {
		if (matches(pattern($item['key']), $text) === []) {
			continue;
		}
		$triggers = [];
		foreach ($item['triggers'] ?? [] as $trigger) {
			$opens = holds($trigger['expression'], $item['key'], $text);
			$recovers = ($trigger['recovery_expression'] ?? '') !== '';
			$closes = $recovers && holds($trigger['recovery_expression'], $item['key'], $text);
			$tags = [];
			foreach ($trigger['tags'] ?? [] as $tag) {
				$tags[$tag['tag']] = read($tag['value'], $text);
			}
			$name = ($trigger['event_name'] ?? '') === '' ? $trigger['name'] : read($trigger['event_name'], $text);
			$correlated = ($trigger['correlation_mode'] ?? '') == CXmlConstantValue::TRIGGER_TAG_VALUE
				|| ($trigger['correlation_mode'] ?? '') === 'TAG_VALUE';
			$triggers[] = ['trigger' => $trigger['name'], 'opens' => $opens, 'closes' => $closes, 'event' => $name,
				'priority' => $trigger['priority'], 'tags' => $tags,
				'tag' => $correlated ? $trigger['correlation_tag'] : null];
		}
		$taken[] = ['item' => $item['name'], 'triggers' => $triggers];
	}
	$said[] = $taken;
}
echo json_encode($said, JSON_THROW_ON_ERROR);
