//! How much processor time a program has used.

use std::fs;
use std::io;

/// Processor time of process `pid` since its start, all its threads, user and system, in microseconds.
///
/// Counted in ticks of 10 ms: Linux shows `utime` and `stime` in 1/100 s to every program. Source: proc(5).
pub(super) fn micros(pid: u32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    ticks(&stat)
        .map(|ticks| ticks * MICROS_PER_TICK)
        .ok_or_else(|| io::Error::other("no times in /proc/PID/stat"))
}

/// `utime + stime` of a line of `/proc/PID/stat`: fields 14 and 15, counted from 1. The second field is the
/// program's name in parentheses and may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

const MICROS_PER_TICK: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_behind_whatever_the_name_is() {
        assert_eq!(ticks("7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 25 17 0 0 20 0 1 0 5 6 7"), Some(42));
        assert_eq!(ticks("7 (a) S 1 7"), None);
        assert_eq!(ticks(""), None);
    }
}
