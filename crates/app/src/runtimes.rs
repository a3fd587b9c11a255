//! The threads that the processes run on.
//!
//! Readers wait for the query service; nobody waits for the pipeline as impatiently. So what works in the background has
//! threads of its own, where a long piece of work holds up no answer, and these yield to the others when both want the
//! same cores. What that does for readers is measured by `cargo xtask bench readers`.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// How far background threads stand back, as `nice` counts it.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// For what somebody waits for.
pub fn foreground() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

/// For what works in the background: it takes half of the cores at most.
pub fn background() -> io::Result<Runtime> {
    let threads = std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("background")
        .on_thread_start(stand_back)
        .enable_all()
        .build()
}

/// The same beside the runtime of the caller; it ends with the process.
pub fn background_beside() -> io::Result<Handle> {
    let runtime = background()?;
    let handle = runtime.handle().clone();
    std::mem::forget(runtime);
    Ok(handle)
}

/// Elsewhere than on Linux priorities belong to processes, and the query service may be in this one.
#[cfg(not(target_os = "linux"))]
fn stand_back() {}

#[cfg(target_os = "linux")]
fn stand_back() {
    use rustix::process::{getpriority_process, setpriority_process};
    // Whoever started the program may have put it further back: nobody may come forward again.
    let stood_back = getpriority_process(None)
        .and_then(|niceness| if niceness < NICENESS { setpriority_process(None, NICENESS) } else { Ok(()) });
    if let Err(error) = stood_back {
        tracing::warn!(%error, "background work has the priority of everything else");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn background_threads_stand_back_and_nobody_else_does() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let background = background_beside().unwrap();
        let theirs = foreground().unwrap().block_on(async move {
            let blocking = background.spawn_blocking(niceness).await.unwrap();
            (background.spawn(async move { niceness() }).await.unwrap(), blocking)
        });
        assert_eq!(theirs, (NICENESS.max(before), NICENESS.max(before)));
        assert_eq!(niceness(), before);
    }
}
