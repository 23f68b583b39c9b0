//! The operator's list of routers.

use sco::input::{Defaults, MAX_ROWS, parse};

/// Any file is read to its end or told to be wrong; rows are whole, faults are in order and in the file, and neither a byte
/// order mark nor reading it twice makes a difference.
pub fn sheet(data: &[u8]) {
    let defaults =
        Defaults { conductor_hosts: "192.0.2.1".parse().into_iter().collect(), ..Defaults::default() };

    let read = parse(data, &defaults);

    assert!(read.rows.len() <= MAX_ROWS);
    assert!(!read.rows.is_empty() || !read.faults.is_empty(), "an empty file is told to be one");
    let lines = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64 + 1;
    let places: Vec<(u64, usize)> = read.faults.iter().map(|fault| (fault.line, fault.column)).collect();
    assert!(places.is_sorted());
    for fault in &read.faults {
        assert!(fault.line <= lines, "{fault}");
        assert!(!fault.text.contains(char::is_control), "{fault:?}");
    }
    for row in &read.rows {
        assert!(row.line > 1 && row.line <= lines);
        assert!(!row.conductor_hosts.is_empty() && !row.site.trim().is_empty());
        assert_eq!(row.name.as_str().parse().as_ref(), Ok(&row.name));
    }
    assert_eq!(parse(data, &defaults), read);
    if !data.starts_with(&[0xef, 0xbb, 0xbf]) && !data.starts_with(&[0xff]) && !data.starts_with(&[0xfe]) {
        let marked = [&[0xef, 0xbb, 0xbf], data].concat();
        assert_eq!(parse(&marked, &defaults), read);
    }
}
