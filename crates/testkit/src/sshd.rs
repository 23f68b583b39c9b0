//! A real OpenSSH server on loopback, for tests of what goes over SSH.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use thiserror::Error;

/// An OpenSSH server with one account, `admin`, whose login shell is a program of the test's.
///
/// It needs root: the server runs in a mount namespace of its own, in which `/etc/passwd` has the account and `/run` is
/// empty, so nothing of the system is touched. `sshd` is looked for on `PATH` and in `/usr/sbin`, `ssh-keygen` on `PATH`.
/// It ends when it is dropped.
#[derive(Debug)]
pub struct SshServer {
    folder: PathBuf,
    port: u16,
    child: Child,
}

impl SshServer {
    /// Starts a server that keeps its files in `folder`, which exists. `shell` is the account's login shell; `environment`
    /// is what it gets, as names and values.
    ///
    /// # Errors
    ///
    /// [`SshdError`] when a program is missing, or the server does not listen within ten seconds.
    pub fn start(folder: &Path, shell: &Path, environment: &[(&str, &str)]) -> Result<Self, SshdError> {
        let sshd = find("sshd").ok_or(SshdError::Missing("sshd (Debian package openssh-server)"))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        for key in ["host", "other", "user", "stranger"] {
            let file = folder.join(key);
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
            if !made.map_err(|_| SshdError::Missing("ssh-keygen (Debian package openssh-client)"))?.success()
            {
                return Err(SshdError::Failed("ssh-keygen made no key".to_owned()));
            }
        }
        fs::copy(folder.join("user.pub"), folder.join("authorized_keys"))?;
        for (file, key) in [("known_hosts", "host.pub"), ("other_known_hosts", "other.pub")] {
            let key = fs::read_to_string(folder.join(key))?;
            fs::write(folder.join(file), format!("[127.0.0.1]:{port} {key}"))?;
        }
        let passwd = fs::read_to_string("/etc/passwd")?;
        let others: String = passwd
            .lines()
            .filter(|line| !line.starts_with("sshd:") && !line.starts_with("admin:"))
            .map(|line| format!("{line}\n"))
            .collect();
        let home = folder.display();
        fs::write(
            folder.join("passwd"),
            format!(
                "{others}sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\nadmin:*:0:0::{home}:{}\n",
                shell.display()
            ),
        )?;
        fs::write(folder.join("sshd_config"), server_config(folder, port, environment))?;
        fs::write(folder.join("ssh_config"), client_config(folder, port))?;
        let mut server = Self { folder: folder.to_owned(), port, child: run(folder, &sshd)? };
        server.wait()?;
        Ok(server)
    }

    /// A configuration for `ssh -F`, in which the host is `conductor`, its key known and the account's key used.
    #[must_use]
    pub fn ssh_config(&self) -> PathBuf {
        self.folder.join("ssh_config")
    }

    /// The same with lines in front, which win.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn ssh_config_with(&self, name: &str, lines: &[&str]) -> io::Result<PathBuf> {
        let file = self.folder.join(name);
        fs::write(&file, format!("{}\n{}", lines.join("\n"), client_config(&self.folder, self.port)))?;
        Ok(file)
    }

    /// A file in its folder: keys `user` and `stranger`, `known_hosts` and the wrong `other_known_hosts`, the `log`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn wait(&mut self) -> Result<(), SshdError> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                return Err(SshdError::Failed(fs::read_to_string(self.file("log")).unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a mount namespace with this passwd; the shell becomes the server, so that the child is the server.
fn run(folder: &Path, sshd: &Path) -> Result<Child, SshdError> {
    let script = "mount --bind \"$1/passwd\" /etc/passwd && mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/sshd && \
                  exec \"$2\" -D -e -f \"$1/sshd_config\"";
    let log = File::create(folder.join("log"))?;
    let child = Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(folder)
        .arg(sshd)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(|_| SshdError::Missing("unshare (Debian package util-linux)"))?;
    Ok(child)
}

fn server_config(folder: &Path, port: u16, environment: &[(&str, &str)]) -> String {
    let folder = folder.display();
    let set: Vec<String> = environment.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let set = if set.is_empty() { String::new() } else { format!("SetEnv {}\n", set.join(" ")) };
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\n\
         PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n{set}"
    )
}

fn client_config(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "Host conductor\n  HostName 127.0.0.1\n  Port {port}\n  User admin\n  IdentityFile {folder}/user\n  \
         IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile none\n  ConnectTimeout 5\n"
    )
}

/// The program itself: `sshd` insists on an absolute path.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Why there is no server.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SshdError {
    /// A program is not there.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// A program failed.
    #[error("no SSH server: {0}")]
    Failed(String),
    /// The operating system refused something.
    #[error("no SSH server")]
    Io(#[from] io::Error),
}
