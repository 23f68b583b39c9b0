//! A disk whose power can be cut: an ext4 in a file, mounted through a loop device.
//!
//! The file holds what the mounted file system has written back, and nothing else; with `commit=300` that is what
//! somebody synced; with `noauto_da_alloc` ext4 syncs no file by itself that is renamed over another. A copy of the
//! file, made without unmounting, is what a machine finds at its next start.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::{DEADLINE, wait_until};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use tempfile::TempDir;

/// A mounted disk; unmounted when this is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    home: TempDir,
    mounted: bool,
}

impl Disk {
    /// Makes an empty one and mounts it.
    ///
    /// # Panics
    ///
    /// When it cannot be made or mounted; mounting needs root.
    pub(crate) fn mount() -> Self {
        let home = TempDir::new().expect("a temporary folder can be made");
        let mut this = Self { home, mounted: false };
        fs::create_dir(this.folder()).expect("a temporary folder can be made");
        let image = fs::File::create(this.image()).expect("a temporary file can be made");
        image.set_len(BYTES).expect("a file may have holes");
        drop(image);
        run("mkfs.ext4", [OsStr::new("-q"), OsStr::new("-F"), this.image().as_os_str()]);
        this.attach();
        this
    }

    /// Where it is mounted.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("disk")
    }

    /// Cuts the power and turns it on again: what is mounted afterwards is what had been synced. No program may
    /// have a file there open.
    ///
    /// # Panics
    ///
    /// When what is left cannot be mounted.
    pub(crate) fn cut_power(&mut self) {
        let copy = self.home.path().join("copy");
        run("cp", [OsStr::new("--sparse=always"), self.image().as_os_str(), copy.as_os_str()]);
        self.unmount();
        fs::rename(copy, self.image()).expect("a file can be renamed");
        self.attach();
    }

    /// Leaves no room on it.
    ///
    /// # Panics
    ///
    /// When that cannot be done.
    pub(crate) fn fill(&self) {
        let ballast = fs::File::create(self.ballast()).expect("a file can be made");
        let (mut end, mut step) = (0, BYTES);
        while step >= BLOCK {
            match fallocate(&ballast, FallocateFlags::empty(), end, step) {
                Ok(()) => end += step,
                Err(Errno::NOSPC) => step /= 2,
                Err(error) => panic!("cannot fill the disk: {error}"),
            }
        }
    }

    /// Undoes [`Self::fill`].
    ///
    /// # Panics
    ///
    /// When that cannot be done.
    pub(crate) fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("the ballast can be removed");
    }

    /// Makes the file system find an error in itself, by the switch that ext4 has for this, and become read-only,
    /// also for files that are open; what was not synced is gone.
    ///
    /// # Panics
    ///
    /// When the kernel has no such switch.
    pub(crate) fn break_down(&self) {
        let devices = run("losetup", [OsStr::new("-j"), self.image().as_os_str()]);
        let device = devices.split(':').next().and_then(|path| path.strip_prefix("/dev/"));
        let device = device.unwrap_or_else(|| panic!("no loop device in {devices}"));
        fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "1")
            .expect("ext4 has a switch for errors");
    }

    /// Repairs it after [`Self::break_down`]. No program may have a file there open.
    ///
    /// # Panics
    ///
    /// When it cannot be repaired.
    pub(crate) fn repair(&mut self) {
        self.unmount();
        let mut command = Command::new(path_of("e2fsck"));
        let output = command.arg("-p").arg(self.image()).stdin(Stdio::null()).output();
        let output = output.expect("e2fsck can be run");
        // 1: errors were corrected.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
        self.attach();
    }

    /// Unmounts it, after which no loop device has it.
    ///
    /// # Panics
    ///
    /// When it cannot be unmounted.
    pub(crate) fn unmount(&mut self) {
        run("umount", [self.folder()]);
        self.mounted = false;
        // the kernel lets go of the device when nobody looks at it any more; a mount namespace that another story made
        // meanwhile, as for its sshd, has the disk as long as it lives
        let gone = wait_until(DEADLINE * 4, || {
            run("losetup", [OsStr::new("-j"), self.image().as_os_str()]).is_empty()
        });
        assert!(gone, "a loop device is left");
    }

    fn attach(&mut self) {
        let options = [OsStr::new("-o"), OsStr::new("loop,commit=300,noauto_da_alloc,errors=remount-ro")];
        run("mount", [options[0], options[1], self.image().as_os_str(), self.folder().as_os_str()]);
        self.mounted = true;
    }

    fn image(&self) -> PathBuf {
        self.home.path().join("image")
    }

    fn ballast(&self) -> PathBuf {
        self.folder().join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            // A program that is still about to end keeps a plain unmount from working; nothing can be done about
            // an error here.
            let _ = Command::new("umount").arg("--lazy").arg(self.folder()).stderr(Stdio::null()).status();
        }
    }
}

/// What a program printed.
fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> String {
    let output = Command::new(path_of(program)).args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
    assert!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Where a program is: system programs are not on everybody's `PATH`.
fn path_of(program: &str) -> PathBuf {
    let places = ["/usr/sbin", "/sbin"].map(|folder| Path::new(folder).join(program));
    places.into_iter().find(|path| path.exists()).unwrap_or_else(|| program.into())
}

/// Size of the disk: more than the journal asks to be left free.
const BYTES: u64 = 512 << 20;

/// The least that a file takes.
const BLOCK: u64 = 4096;
