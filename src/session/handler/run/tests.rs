use super::*;

#[test]
fn a_program_that_keeps_ending_is_left_alone_for_longer() {
    let mut restart = Restart::default();
    let waits: Vec<u128> = (0..8)
        .map(|_| restart.after(Duration::from_millis(1)).as_millis())
        .collect();
    assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    let after_a_while = restart.after(limits::HANDLER_RESTART_MAX);
    assert_eq!(after_a_while, limits::HANDLER_RESTART_MIN);
}
