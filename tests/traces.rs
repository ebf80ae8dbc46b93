//! Real trace files are read as their origins describe them.

use std::io::Read;
use std::path::{Path, PathBuf};

use falcon::workload::swf::{self, SwfLog};

fn unpacked(path: &Path) -> Vec<u8> {
    let file = std::fs::File::open(path).expect("the file is there");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("the file is in the gzip format");
    bytes
}

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn dropped(log: &SwfLog) -> u64 {
    log.dropped_without_run_time + log.dropped_without_processors + log.dropped_too_large
}

#[test]
fn the_hpc2n_excerpt_has_its_jobs() {
    let log =
        swf::read(&unpacked(&in_project("scenarios/data/hpc2n-2002-first3194.swf.gz")), 240, false).unwrap();
    assert_eq!(log.records, 3170);
    assert_eq!(log.tasks.len(), 3145);
    assert_eq!(dropped(&log), 25);
    assert!(log.tasks.is_sorted_by_key(|task| task.arrival));
    assert!(log.tasks.iter().all(|task| task.slots <= 240 && task.requested >= Some(task.work)));
}

/// The cleaned NASA log is not part of the project; where it is at hand it is read too.
#[test]
fn the_nasa_log_has_its_jobs() {
    let path = in_project("../shared/data/NASA-iPSC-1993-3.1-cln.swf.gz");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return;
    }
    let log = swf::read(&unpacked(&path), 128, false).unwrap();
    assert_eq!((log.records, log.tasks.len()), (18_239, 18_066));
}
