//! What a disk may keep of writes that nobody synced: any of their sectors.

use std::fs;
use std::io::Write;
use std::path::Path;

use testkit::Rng;

/// Puts some of the sectors of `written` that `file` has lost back into it, and syncs it: which ones is random, the
/// first is kept and the last is not where there are two or more. How many were kept, and how many were not.
///
/// `written` is what the program had in the file when the power went, `file` what had been synced of it.
///
/// # Panics
///
/// When the file cannot be read or written.
pub(crate) fn tear(rng: &mut Rng, written: &[u8], file: &Path) -> (usize, usize) {
    let mut kept = fs::read(file).unwrap();
    let sector = |bytes: &[u8], at: usize| -> Vec<u8> {
        let mut sector = bytes.get(at..bytes.len().min(at + SECTOR)).unwrap_or_default().to_vec();
        sector.resize(SECTOR, 0);
        sector
    };
    let places = (0..written.len()).step_by(SECTOR);
    let lost: Vec<usize> = places.filter(|at| sector(written, *at) != sector(&kept, *at)).collect();
    let mut survived = 0;
    for (place, at) in lost.iter().enumerate() {
        let survives = match place {
            0 => true,
            last if last + 1 == lost.len() => false,
            _ => rng.percent(50),
        };
        if survives {
            kept.resize(kept.len().max(at + SECTOR), 0);
            kept[*at..at + SECTOR].copy_from_slice(&sector(written, *at));
            survived += 1;
        }
    }
    let mut file = fs::OpenOptions::new().write(true).truncate(false).open(file).unwrap();
    file.write_all(&kept).and_then(|()| file.sync_all()).unwrap();
    (survived, lost.len() - survived)
}

const SECTOR: usize = 512;

#[test]
fn a_torn_file_has_some_sectors_of_what_was_written_and_some_of_what_was_synced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    fs::write(&file, [b'a'; 3 * SECTOR]).unwrap();
    let mut written = vec![b'a'; SECTOR];
    written.extend([b'b'; 5 * SECTOR]);

    let (kept, lost) = tear(&mut Rng::new(7), &written, &file);

    let torn = fs::read(&file).unwrap();
    assert_eq!(kept + lost, 5);
    assert!(kept > 0 && lost > 0);
    assert_eq!(&torn[..2 * SECTOR], &written[..2 * SECTOR], "synced, and the first that was not");
    let new = torn.chunks(SECTOR).filter(|sector| sector.iter().all(|byte| *byte == b'b')).count();
    assert_eq!(new, kept);
}
