use super::*;

#[test]
fn a_program_that_keeps_ending_is_restarted_ever_more_slowly() {
    let mut backoff = RestartBackoff::default();
    let waits: Vec<u128> = (0..8)
        .map(|_| backoff.next_wait(Duration::from_millis(1)).as_millis())
        .collect();
    assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    let after_a_long_run = backoff.next_wait(limits::HANDLER_RESTART_MAX);
    assert_eq!(after_a_long_run, limits::HANDLER_RESTART_MIN);
}
