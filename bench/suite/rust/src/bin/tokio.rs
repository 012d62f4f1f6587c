//! tokio's program of the comparison suite. Variants: `ct`, the current-thread runtime, and `mt`, the multi-thread one
//! with as many workers as threads were asked for. Work runs in a spawned task, never in `block_on` itself, which would
//! stand outside the workers.

use hyper::server::conn::http1;
use hyper::service::service_fn;
use sennit_suite_peers::*;
use std::future::Future;
use std::pin::{pin, Pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, Mutex, Notify};
use tokio::task::{spawn, yield_now, JoinHandle};

type BoxedNumber = Pin<Box<dyn Future<Output = u64> + Send>>;

fn runtime(r: &Request) -> Runtime {
    let mut builder = if r.variant.starts_with("ct") {
        if r.threads != 1 {
            unsupported("the current-thread runtime has one thread");
        }
        Builder::new_current_thread()
    } else {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(r.threads);
        builder
    };
    builder.enable_all().build().unwrap_or_else(|e| fail(&format!("runtime: {e}")))
}

/// Runs what `work` returns in a task, again and again.
fn repeat<Work>(r: &Request, work: impl Fn() -> Work)
where
    Work: Future + Send + 'static,
    Work::Output: Into<Outcome> + Send + 'static,
{
    let runtime = runtime(r);
    r.repeat(|| runtime.block_on(runtime.spawn(work())).expect("the task ends").into());
}

async fn sum_of(tasks: Vec<JoinHandle<u64>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("the task ends");
    }
    sum
}

// ---- many small tasks

async fn spawn_join_parent(n: usize, batch: usize) -> u64 {
    let mut sum = 0;
    let mut left = n;
    while left > 0 {
        let count = left.min(batch);
        let tasks = (0..count).map(|_| spawn(async { 1 })).collect();
        sum += sum_of(tasks).await;
        left -= count;
    }
    sum
}

fn spawn_join(r: &Request) {
    let (n, parents) = (r.number("n"), r.number("parents"));
    expect(parents > 0 && n % parents == 0, "n is a multiple of parents");
    let batch = if r.number("batch") == 0 { n / parents } else { r.number("batch") };
    repeat(r, || async move {
        let sum = if parents == 1 {
            spawn_join_parent(n, batch).await
        } else {
            sum_of((0..parents).map(|_| spawn(spawn_join_parent(n / parents, batch))).collect()).await
        };
        expect(sum == n as u64, "the sum");
        n
    });
}

fn skynet_node(first: usize, size: usize) -> BoxedNumber {
    Box::pin(async move {
        if size == 1 {
            return first as u64;
        }
        let mut sum = 0;
        let children: [_; 10] = std::array::from_fn(|i| spawn(skynet_node(first + i * (size / 10), size / 10)));
        for child in children {
            sum += child.await.expect("the task ends");
        }
        sum
    })
}

fn skynet(r: &Request) {
    let n = r.number("n");
    expect(is_power_of_ten(n), "n is a power of ten");
    repeat(r, || async move {
        expect(skynet_node(0, n).await == sum_below(n), "the sum of the leaves");
        n
    });
}

fn fib_call(n: usize) -> BoxedNumber {
    Box::pin(async move {
        if n < 2 {
            return n as u64;
        }
        let first = spawn(fib_call(n - 1));
        let second = fib_call(n - 2).await;
        first.await.expect("the task ends") + second
    })
}

fn run_fib(r: &Request) {
    let n = r.number("n");
    repeat(r, || async move {
        expect(fib_call(n).await == fib(n), "fib(n)");
        fib_calls(n)
    });
}

fn queens_from(columns: Queens, row: usize, n: usize) -> BoxedNumber {
    Box::pin(async move {
        if row == n {
            return 1;
        }
        let places = (0..n as i8).filter(|column| is_safe(&columns, row, *column));
        let tasks = places.map(|column| {
            let mut next = columns;
            next[row] = column;
            spawn(queens_from(next, row + 1, n))
        });
        sum_of(tasks.collect()).await
    })
}

fn nqueens(r: &Request) {
    let n = r.number("n");
    expect(n <= QUEENS_MAX, "n is at most 16");
    let (places, solutions) = count_queens([0; QUEENS_MAX], 0, n);
    repeat(r, || async move {
        expect(queens_from([0; QUEENS_MAX], 0, n).await == solutions, "the number of solutions");
        places
    });
}

fn yields(r: &Request) {
    let (n, k) = (r.number("n"), r.number("k"));
    repeat(r, || async move {
        let flow = move || async move {
            let mut count = 0;
            for _ in 0..n / k {
                yield_now().await;
                count += 1;
            }
            count
        };
        let count = sum_of((0..k).map(|_| spawn(flow())).collect()).await;
        expect(count == (n / k * k) as u64, "the count");
        count as usize
    });
}

fn memory(r: &Request) {
    let count = r.number("count");
    repeat(r, || async move {
        let event = Arc::new(Notify::new());
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for _ in 0..count {
            let (event, waiting) = (event.clone(), waiting.clone());
            tasks.push(spawn(async move {
                let notified = event.notified();
                waiting.fetch_add(1, Ordering::Relaxed);
                drop(waiting);
                notified.await;
                1
            }));
        }
        while waiting.load(Ordering::Relaxed) < count {
            yield_now().await;
        }
        let extra = memory_each(count);
        event.notify_waiters();
        expect(sum_of(tasks).await == count as u64, "all go on");
        Outcome { ops: count, extra }
    });
}

fn idle(r: &Request) {
    repeat(r, || async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        1
    });
}

// ---- tasks that talk

/// tokio's smallest channel holds one message.
fn capacity(r: &Request) -> usize {
    r.number("buffer").max(1)
}

fn ping_pong(r: &Request) {
    let (n, buffer) = (r.number("n"), capacity(r));
    repeat(r, || async move {
        let (there, mut from_here) = mpsc::channel(buffer);
        let (back, mut from_there) = mpsc::channel(buffer);
        spawn(async move {
            while let Some(v) = from_here.recv().await {
                if back.send(v).await.is_err() {
                    break;
                }
            }
        });
        for i in 0..n {
            there.send(i).await.expect("the other task receives");
            expect(from_there.recv().await == Some(i), "the number that came back");
        }
        n
    });
}

async fn mpsc_channel(n: usize, producers: usize, buffer: usize) -> u64 {
    let (tx, mut rx) = mpsc::channel(buffer);
    for p in 0..producers {
        let tx = tx.clone();
        spawn(async move {
            for i in 0..share(n, producers, p) {
                tx.send(i as u64).await.expect("the consumer receives");
            }
        });
    }
    drop(tx);
    let consumer = spawn(async move {
        let mut sum = 0;
        while let Some(v) = rx.recv().await {
            sum += v;
        }
        sum
    });
    consumer.await.expect("the task ends")
}

async fn mpmc_channel(n: usize, producers: usize, consumers: usize, buffer: usize) -> u64 {
    let (tx, rx) = async_channel::bounded(buffer);
    for p in 0..producers {
        let tx = tx.clone();
        spawn(async move {
            for i in 0..share(n, producers, p) {
                tx.send(i as u64).await.expect("the consumers receive");
            }
        });
    }
    drop(tx);
    let consumer = |rx: async_channel::Receiver<u64>| async move {
        let mut sum = 0;
        while let Ok(v) = rx.recv().await {
            sum += v;
        }
        sum
    };
    sum_of((0..consumers).map(|_| spawn(consumer(rx.clone()))).collect()).await
}

/// tokio has no channel with several consumers; async-channel stands for it, and is a variant for one consumer.
fn channels(r: &Request) {
    let (n, buffer) = (r.number("n"), capacity(r));
    let (producers, consumers) = (r.number("producers"), r.number("consumers"));
    let is_async_channel = r.variant.ends_with("async_channel");
    if !is_async_channel && consumers > 1 {
        unsupported("tokio's channel has one consumer");
    }
    repeat(r, || async move {
        let sum = if is_async_channel {
            mpmc_channel(n, producers, consumers, buffer).await
        } else {
            mpsc_channel(n, producers, buffer).await
        };
        expect(sum == sum_of_producers(n, producers), "the sum");
        n
    });
}

fn select_four(r: &Request) {
    let (n, buffer) = (r.number("n"), capacity(r));
    repeat(r, || async move {
        let [mut a, mut b, mut c, mut d] = std::array::from_fn(|first| {
            let (tx, rx) = mpsc::channel(buffer);
            spawn(async move {
                for v in (first..n).step_by(4) {
                    tx.send(v as u64).await.expect("the other task receives");
                }
            });
            rx
        });
        let mut sum = 0;
        for _ in 0..n {
            tokio::select! {
                Some(v) = a.recv() => sum += v,
                Some(v) = b.recv() => sum += v,
                Some(v) = c.recv() => sum += v,
                Some(v) = d.recv() => sum += v,
                else => fail("wrong result: the channels closed early"),
            }
        }
        expect(sum == sum_below(n), "the sum");
        n
    });
}

fn oneshots(r: &Request) {
    let n = r.number("n");
    repeat(r, || async move {
        let mut sum = 0;
        for i in 0..n {
            let (tx, rx) = oneshot::channel();
            spawn(async move { tx.send(i as u64).expect("the other task receives") });
            sum += rx.await.expect("the other task sends");
        }
        expect(sum == sum_below(n), "the sum");
        n
    });
}

fn mutex(r: &Request) {
    let (n, flows, hold) = (r.number("n"), r.number("flows"), r.number("hold") != 0);
    repeat(r, || async move {
        let lock = Arc::new(Mutex::new(0_usize));
        let flow = |times: usize, lock: Arc<Mutex<usize>>| async move {
            for _ in 0..times {
                let mut count = lock.lock().await;
                *count += 1;
                if hold {
                    yield_now().await;
                }
            }
            times as u64
        };
        sum_of((0..flows).map(|f| spawn(flow(share(n, flows, f), lock.clone()))).collect()).await;
        expect(*lock.lock().await == n, "the count");
        n
    });
}

fn sieve(r: &Request) {
    let n = r.number("n");
    let expected = nth_prime(n);
    repeat(r, || async move {
        let (tx, mut rx) = mpsc::channel(1);
        let mut tasks = vec![spawn(async move {
            for i in 2_u64.. {
                if tx.send(i).await.is_err() {
                    break;
                }
            }
            0
        })];
        let mut prime = 0;
        for _ in 0..n {
            prime = rx.recv().await.expect("the numbers do not end");
            let (tx, next) = mpsc::channel(1);
            let mut numbers = std::mem::replace(&mut rx, next);
            tasks.push(spawn(async move {
                while let Some(v) = numbers.recv().await {
                    if v % prime != 0 && tx.send(v).await.is_err() {
                        break;
                    }
                }
                0
            }));
        }
        drop(rx);
        sum_of(tasks).await;
        expect(prime == expected, "the prime");
        n
    });
}

// ---- timers

fn timers_sleep(r: &Request) {
    let n = r.number("n");
    repeat(r, || async move {
        let mut numbers = Random::seeded(1);
        let sleeper = |duration: Duration| async move {
            let begin = Instant::now();
            tokio::time::sleep(duration).await;
            u64::from(begin.elapsed() < duration)
        };
        let tasks = (0..n).map(|_| spawn(sleeper(Duration::from_nanos(numbers.below(1_000_000_000)))));
        let early = sum_of(tasks.collect()).await;
        expect(early == 0, "no flow woke early");
        n
    });
}

/// A sleep is armed by its first poll, and cancelled when it is dropped.
async fn is_pending(mut sleep: Pin<&mut tokio::time::Sleep>) -> bool {
    std::future::poll_fn(|context| Poll::Ready(sleep.as_mut().poll(context).is_pending())).await
}

fn timers_cancel(r: &Request) {
    const HOUR: Duration = Duration::from_secs(3600);
    let n = r.number("n");
    let is_all = r.text("mode") == "all";
    expect(is_all || r.text("mode") == "one", "mode is all or one");
    repeat(r, || async move {
        let mut pending = 0;
        if is_all {
            let mut sleeps = Vec::new();
            for _ in 0..n {
                let mut sleep = Box::pin(tokio::time::sleep(HOUR));
                pending += usize::from(is_pending(sleep.as_mut()).await);
                sleeps.push(sleep);
            }
        } else {
            for _ in 0..n {
                let sleep = pin!(tokio::time::sleep(HOUR));
                pending += usize::from(is_pending(sleep).await);
            }
        }
        expect(pending == n, "no timer fired");
        n
    });
}

fn timers_lateness(r: &Request) {
    let (n, rounds, threads) = (r.number("n"), r.number("rounds"), r.threads);
    repeat(r, || async move {
        let is_done = Arc::new(AtomicBool::new(false));
        let early = Arc::new(AtomicU64::new(0));
        let load = |is_done: Arc<AtomicBool>| async move {
            while !is_done.load(Ordering::Relaxed) {
                compute_for(Duration::from_micros(50));
                yield_now().await;
            }
            0
        };
        let load: Vec<_> = (0..threads).map(|_| spawn(load(is_done.clone()))).collect();
        let sleeper = |seed: usize, early: Arc<AtomicU64>| async move {
            let mut numbers = Random::seeded(seed);
            let mut lateness = Vec::with_capacity(rounds);
            for _ in 0..rounds {
                let duration = Duration::from_nanos(1_000_000 + numbers.below(9_000_000));
                let begin = Instant::now();
                tokio::time::sleep(duration).await;
                match begin.elapsed().checked_sub(duration) {
                    Some(late) => lateness.push(late.as_nanos() as u64),
                    None => drop(early.fetch_add(1, Ordering::Relaxed)),
                }
            }
            lateness
        };
        let sleepers: Vec<_> = (0..n).map(|i| spawn(sleeper(i + 1, early.clone()))).collect();
        let mut lateness = Vec::with_capacity(n * rounds);
        for task in sleepers {
            lateness.extend(task.await.expect("the task ends"));
        }
        is_done.store(true, Ordering::Relaxed);
        sum_of(load).await;
        expect(early.load(Ordering::Relaxed) == 0, "no flow woke early");
        Outcome { ops: n * rounds, extra: latencies(lateness) }
    });
}

// ---- servers

fn serve<Served>(r: &Request, connection: fn(tokio::net::TcpStream) -> Served)
where
    Served: Future<Output = ()> + Send + 'static,
{
    let port = r.number("port");
    let runtime = runtime(r);
    let server = runtime.spawn(async move {
        let listener = TcpListener::bind(("127.0.0.1", port as u16)).await;
        listener.unwrap_or_else(|e| fail(&format!("bind: {e}")))
    });
    let listener = runtime.block_on(server).expect("the task ends");
    r.ready();
    let accepting = runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap_or_else(|e| fail(&format!("accept: {e}")));
            stream.set_nodelay(true).unwrap_or_else(|e| fail(&format!("nodelay: {e}")));
            spawn(connection(stream));
        }
    });
    runtime.block_on(accepting).expect("the task does not end")
}

fn echo_server(r: &Request) {
    serve(r, |mut stream| async move {
        let mut buffer = [0; 1024];
        while let Ok(n) = stream.read(&mut buffer).await {
            if n == 0 || stream.write_all(&buffer[..n]).await.is_err() {
                break;
            }
        }
    });
}

fn http_server(r: &Request) {
    serve(r, |stream| async move {
        let io = hyper_util::rt::TokioIo::new(stream);
        // An error here is a client that went away.
        let _ = http1::Builder::new().serve_connection(io, service_fn(http::hello)).await;
    });
}

const RUNTIMES: &[&str] = &["ct", "mt"];
const CHANNELS: &[&str] = &["ct", "mt", "ct-async_channel", "mt-async_channel"];

const fn work(name: &'static str, parameters: Parameters, run: fn(&Request)) -> Workload {
    Workload { name, is_server: false, variants: RUNTIMES, parameters, run }
}

const fn server(name: &'static str, run: fn(&Request)) -> Workload {
    Workload { name, is_server: true, variants: RUNTIMES, parameters: &[("port", &["0"])], run }
}

fn main() {
    run(&System {
        name: "tokio",
        versions: &[
            ("tokio", env!("TOKIO_VERSION")),
            ("hyper", env!("HYPER_VERSION")),
            ("async-channel", env!("ASYNC_CHANNEL_VERSION")),
            ("rustc", env!("RUSTC_VERSION")),
        ],
        workloads: &[
            work("spawn_join", &[("n", &["1000000"]), ("batch", &["0", "1000"]), ("parents", &["1"])], spawn_join),
            work("skynet", &[("n", &["1000000"])], skynet),
            work("fib", &[("n", &["28"])], run_fib),
            work("nqueens", &[("n", &["10"])], nqueens),
            work("ping_pong", &[("n", &["1000000"]), ("buffer", &["0", "1"])], ping_pong),
            work("yield", &[("n", &["2000000"]), ("k", &["1", "10", "1000"])], yields),
            Workload {
                name: "channels",
                is_server: false,
                variants: CHANNELS,
                parameters: &[
                    ("n", &["1000000"]),
                    ("producers", &["1", "4"]),
                    ("consumers", &["1", "4"]),
                    ("buffer", &["0", "1", "100", "1024"]),
                ],
                run: channels,
            },
            work("select", &[("n", &["1000000"]), ("buffer", &["0"])], select_four),
            work("oneshot", &[("n", &["1000000"])], oneshots),
            work("mutex", &[("n", &["1600000"]), ("hold", &["0", "1"]), ("flows", &["8"])], mutex),
            work("timers_sleep", &[("n", &["1000000"])], timers_sleep),
            work("timers_cancel", &[("n", &["1000000"]), ("mode", &["all", "one"])], timers_cancel),
            work("timers_lateness", &[("n", &["1000"]), ("rounds", &["100"])], timers_lateness),
            work("sieve", &[("n", &["2000"])], sieve),
            work("memory", &[("count", &["100000", "1000000"])], memory),
            work("idle", &[], idle),
            server("echo_server", echo_server),
            server("http_server", http_server),
        ],
    });
}
