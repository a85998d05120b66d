//! Independent jobs over the available cores: a list of inputs with their weights goes in, the results in the order of the inputs come out.
//!
//! Invariant: the results do not depend on the number of threads or on who was first.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Work below this total weight (bytes) is done on the calling thread: starting a thread costs more than it gives.
const WORTH_A_THREAD: u64 = 128 * 1024;

/// Runs `job` on every item, heavy items first, on as many threads as there are cores; `weight` is the number of bytes a job handles.
/// A panic in a job is passed on to the caller.
pub fn fan_out<'a, T, R>(
    items: &'a [T],
    weight: impl Fn(&T) -> u64,
    job: impl Fn(&'a T) -> R + Sync,
) -> Vec<R>
where
    T: Sync,
    R: Send,
{
    let total = items.iter().map(&weight).fold(0, u64::saturating_add);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(items.len());
    if threads < 2 || total < WORTH_A_THREAD {
        return items.iter().map(job).collect();
    }

    let mut queue: Vec<(usize, &'a T)> = items.iter().enumerate().collect();
    queue.sort_by_cached_key(|&(index, item)| (u64::MAX - weight(item), index));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(&(index, item)) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((index, job(item)));
        }
        done
    };

    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(results) => done.extend(results),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|&(index, _)| index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_inputs() {
        let items: Vec<u64> = (0..500).map(|number| number * 7919 % 503).collect();
        for weight in [0, 10_000] {
            let doubled = fan_out(&items, |item| item * weight, |item| item * 2);
            assert!(
                doubled
                    .iter()
                    .zip(&items)
                    .all(|(double, item)| *double == item * 2)
            );
            assert_eq!(doubled.len(), items.len());
        }
        assert!(fan_out(&[], |_| u64::MAX, |item: &u64| *item).is_empty());
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        let caught = std::panic::catch_unwind(|| {
            fan_out(
                &[1_u32, 2, 3, 4],
                |_| u64::MAX,
                |&item| assert_ne!(item, 4, "four"),
            );
        });
        assert!(caught.is_err());
    }
}
