//! Everything in the fuzz corpus, replayed: what a decoder once failed on stays fixed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[path = "fuzz/targets.rs"]
mod targets;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 4] = [
    ("args", targets::args),
    ("batch", targets::batch),
    ("engine", targets::engine),
    ("packets", targets::packets),
];

fn corpus() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}

#[test]
fn the_corpus_is_replayed() {
    for (name, target) in TARGETS {
        let mut replayed = 0;
        for entry in fs::read_dir(corpus().join(name)).unwrap() {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            // The name of the file, in the output of a test that fails.
            println!("{}", path.display());
            target(&input);
            replayed += 1;
        }
        assert!(replayed > 0, "no corpus for {name}");
    }
}

#[test]
fn every_corpus_and_every_target_is_known() {
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap();
        let stem = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
        entries.map(|entry| stem(&entry.unwrap().path())).collect()
    };
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&corpus()), known);
    assert_eq!(names(&corpus().join("../fuzz_targets")), known);
}
