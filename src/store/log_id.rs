//! The random name of a log, by which a client notices that the hub has another database.

pub(super) fn random() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
