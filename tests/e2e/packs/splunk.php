<?php
// Takes lines apart as the REGEX of transforms does, with PCRE and no more room than Splunk gives it by default (DEPTH_LIMIT,
// MATCH_LIMIT). Argument: a file with {"regex": …, "lines": […]}.

ini_set('pcre.jit', '0');
ini_set('pcre.recursion_limit', '1000');
ini_set('pcre.backtrack_limit', '100000');
$given = json_decode(file_get_contents($argv[1]), true);
$said = [];
foreach ($given['lines'] as $line) {
	$found = [];
	$matched = preg_match('~'.str_replace('~', '\~', $given['regex']).'~u', $line, $found, PREG_UNMATCHED_AS_NULL);
	if ($matched === false) {
		throw new Exception('PCRE: '.preg_last_error_msg());
	}
	$said[] = $matched ? array_filter($found, fn ($value) => $value !== null) : null;
}
echo json_encode($said, JSON_THROW_ON_ERROR);
