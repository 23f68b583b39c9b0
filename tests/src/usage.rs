//! What a process takes of the machine, as Linux says.

use std::fs;

/// A process at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Usage {
    /// Bytes of memory it holds.
    pub resident: u64,
    /// The most it ever held.
    pub peak: u64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

impl Usage {
    /// What the process takes now; `None` when it is gone.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        Some(Self {
            resident: number("VmRSS:")? << 10,
            peak: number("VmHWM:")? << 10,
            threads: number("Threads:")?,
            descriptors,
        })
    }

    /// Makes what a process holds now its peak.
    ///
    /// # Panics
    ///
    /// When that is not allowed: the process must belong to the same user.
    pub fn forget_peak(pid: u32) {
        fs::write(format!("/proc/{pid}/clear_refs"), "5")
            .expect("the peak of one's own process can be reset");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_takes_grows_with_what_it_takes() {
        let pid = std::process::id();
        Usage::forget_peak(pid);
        let before = Usage::of(pid).unwrap();

        let memory = vec![1_u8; 64 << 20];
        let with = Usage::of(pid).unwrap();
        assert_eq!(memory.iter().map(|byte| u64::from(*byte)).sum::<u64>(), 64 << 20);
        drop(memory);

        assert!(with.resident >= before.resident + (60 << 20), "{before:?}, {with:?}");
        assert!(with.peak >= with.resident && with.threads >= 1 && with.descriptors >= 3, "{with:?}");
    }
}
