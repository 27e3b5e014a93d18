//! What runs beside the requests, until told to stop.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::AuthService;

/// How often keys are looked at: a rotation by another process is taken up within this time.
const KEYS_EVERY: Duration = Duration::from_mins(1);
/// How often accounts are looked for that users have not acknowledged.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// The longest pause while users are away.
const TELL_AT_LEAST_EVERY: Duration = Duration::from_secs(30);
/// How often expired sessions are forgotten.
const PURGE_EVERY: Duration = Duration::from_mins(10);
/// Sessions forgotten in one step, and steps in one go.
const PURGE_STEP: u32 = 500;
const PURGE_STEPS: u32 = 100;

/// Rotates keys when it is time.
pub async fn keep_keys(service: AuthService, stop: CancellationToken) {
    while pause(&service, KEYS_EVERY, &stop).await {
        if let Err(error) = service.keys().refresh().await {
            tracing::warn!(%error, "going on with the keys as they were");
        }
    }
}

/// Tells users of accounts until they acknowledge them.
pub async fn tell_users(service: AuthService, stop: CancellationToken) {
    let mut wait = TELL_EVERY;
    while pause(&service, wait, &stop).await {
        wait = match service.tell_due().await {
            Ok(false) => TELL_EVERY,
            Ok(true) => Duration::ZERO,
            Err(error) => {
                if wait == TELL_EVERY {
                    tracing::warn!(%error, "some profiles wait to be made");
                }
                (wait.max(TELL_EVERY) * 2).min(TELL_AT_LEAST_EVERY)
            }
        };
    }
}

/// Forgets sessions that expired.
pub async fn purge_sessions(service: AuthService, stop: CancellationToken) {
    while pause(&service, PURGE_EVERY, &stop).await {
        for _ in 0..PURGE_STEPS {
            match service.store().purge_sessions(service.clock().now(), PURGE_STEP).await {
                Ok(forgotten) if forgotten == u64::from(PURGE_STEP) => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "expired sessions could not be forgotten");
                    break;
                }
            }
        }
    }
}

/// Waits, give or take a tenth, so that replicas do not move in step. Answers whether to go on.
async fn pause(service: &AuthService, time: Duration, stop: &CancellationToken) -> bool {
    let time = time.mul_f64(0.9 + service.clock().fraction() / 5.0);
    stop.run_until_cancelled(tokio::time::sleep(time)).await.is_some()
}
