//! The fuzz targets' seeds, run as plain tests through the targets' own functions.

use std::path::Path;

#[path = "../../fuzz/src/targets.rs"]
mod targets;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 9] = [
    ("frame", targets::frame),
    ("soap", targets::soap),
    ("multipart", targets::multipart),
    ("answer", targets::answer),
    ("find_answer", targets::find_answer_),
    ("fetch_answer", targets::fetch_answer_),
    ("document_read", targets::document_read),
    ("xml", targets::xml),
    ("record", targets::record),
];

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn every_fuzz_target_has_seeds_and_none_makes_it_panic() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() >= 5, "{name}: {} seeds", seeds.len());
        for (path, bytes) in seeds {
            assert!(std::panic::catch_unwind(|| target(&bytes)).is_ok(), "{path}");
        }
    }
}

#[test]
fn seeds_cut_at_any_place_make_no_target_panic() {
    for (name, target) in TARGETS {
        for (path, bytes) in seeds(name) {
            for length in (0..bytes.len()).step_by(1 + bytes.len() / 25) {
                assert!(std::panic::catch_unwind(|| target(&bytes[..length])).is_ok(), "{path} cut at {length}");
            }
        }
    }
}

#[test]
fn every_target_of_the_workspace_is_run_here() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let bins = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap().to_owned());
    assert_eq!(bins.collect::<Vec<_>>(), TARGETS.map(|(name, _)| name));
}
