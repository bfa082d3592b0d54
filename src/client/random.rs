//! Random ids for producers, streams and reply rooms.

/// 128 random bits as 32 hex digits.
pub fn random_id() -> String {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).expect("the system has random bytes");
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}
