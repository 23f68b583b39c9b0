//! One program: where the system has it, or how it runs unpacked beside the system.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::programs::{in_sbin, is_program, must_succeed, on_path};

/// A program and where it comes from.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    /// Debian packages, the first one that of the program.
    pub(super) packages: &'static [&'static str],
    /// Arguments that make it say its version and end; none for one that does neither.
    pub(super) version: &'static [&'static str],
    /// A loadable module it must find, as folder of modules and file.
    pub(super) module: Option<(&'static str, &'static str)>,
    /// What it must be told when it is not where Debian puts it.
    pub(super) beside: Beside,
}

/// Where an unpacked program finds what Debian would have put into the system.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beside {
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

/// Where the system has a program.
#[derive(Debug)]
pub(super) enum Found {
    OnPath,
    Elsewhere(PathBuf),
}

/// The program on this system, with the module it needs, and free to read the tests' files.
pub(super) fn find(program: &Program) -> Option<Found> {
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
pub(super) fn unpacked(program: &Program, root: &Path) -> Option<PathBuf> {
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
pub(super) fn write_wrapper(program: &Program, file: &Path, root: &Path, bin: &Path) -> Result<()> {
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
pub(super) fn library_folders(root: &Path) -> Vec<PathBuf> {
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
pub(super) fn start_once(program: &Program, bin: &Path) -> Result<()> {
    if program.version.is_empty() {
        return Ok(());
    }
    let beside = bin.join(program.name);
    let file = if beside.exists() { beside } else { PathBuf::from(program.name) };
    must_succeed(Command::new(file).args(program.version)).map(|_| ())
}

/// `text` as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::super::programs::PROGRAMS;
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
