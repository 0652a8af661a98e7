//! Headers as servers send them, and servers whose headers are followed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

const MILLI: Duration = Duration::from_millis(1);

fn left(remaining: u64, limit: u64, millis: u64) -> Left {
    let reset = Some(Duration::from_millis(millis));
    Left { remaining, limit: Some(limit), reset }
}

fn requests(left: Left) -> Headroom {
    Headroom { requests: Some(left), ..Headroom::default() }
}

fn tokens(left: Left) -> Headroom {
    Headroom { tokens: Some(left), ..Headroom::default() }
}

fn need(input: u64, output: u64) -> Need {
    Need { input, output }
}

/// How long a call with this need waits, in milliseconds rounded down; what is left in the bucket
/// on purpose adds a percent.
fn millis(credit: &Credit, need: Need, now: Instant) -> Option<u128> {
    credit.wait(need, now).map(|(_, until)| (until - now).as_millis())
}

/// A credit whose one call was answered at once with this.
fn after(headroom: Headroom, refused: bool, now: Instant) -> Credit {
    let mut credit = Credit::new();
    let mark = credit.sent(need(10, 10), now);
    credit.saw(mark, &headroom, refused, now);
    credit
}

#[test]
fn what_is_used_up_comes_back_in_a_trickle() {
    let now = Instant::now();
    let credit = after(requests(left(0, 600, 60_000)), false, now);
    assert_eq!(credit.wait(need(1, 1), now).map(|(what, _)| what), Some(Scarce::Requests));
    assert_eq!(millis(&credit, need(1, 1), now), Some(101));
    assert_eq!(millis(&credit, need(1, 1), now + 99 * MILLI), Some(2));
    assert_eq!(millis(&credit, need(1, 1), now + 102 * MILLI), None);
    let credit = after(tokens(left(500, 60_000, 59_500)), false, now);
    assert_eq!(millis(&credit, need(400, 100), now), None);
    assert_eq!(millis(&credit, need(400, 1100), now), Some(1015));
    // What is larger than the limit waits until that is whole, and no longer.
    assert_eq!(millis(&credit, need(400_000, 0), now), Some(59_500));
}

#[test]
fn what_was_sent_since_is_no_longer_left() {
    let now = Instant::now();
    let mut credit = Credit::new();
    let first = credit.sent(need(1, 1), now);
    let others: Vec<Mark> = (0..3).map(|_| credit.sent(need(1, 1), now)).collect();
    credit.saw(first, &requests(left(4, 600, 59_600)), false, now);
    assert_eq!(millis(&credit, need(1, 1), now), None);
    credit.sent(need(1, 1), now);
    assert_eq!(millis(&credit, need(1, 1), now), Some(104));
    // The headers of a newer call count; those of an older one come too late to tell anything.
    credit.saw(others[2], &requests(left(5, 600, 59_500)), false, now);
    assert_eq!(millis(&credit, need(1, 1), now), None);
    credit.saw(others[0], &requests(left(0, 600, 60_000)), false, now);
    assert_eq!(millis(&credit, need(1, 1), now), None);
}

#[test]
fn what_came_back_while_a_call_took_long_is_counted() {
    let now = Instant::now();
    let mut credit = Credit::new();
    let mark = credit.sent(need(1, 1), now);
    let later = now + Duration::from_secs(30);
    credit.saw(mark, &requests(left(0, 600, 60_000)), false, later);
    for _ in 0..298 {
        credit.sent(need(1, 1), later);
    }
    assert_eq!(millis(&credit, need(1, 1), later), None);
    for _ in 0..2 {
        credit.sent(need(1, 1), later);
    }
    assert!(millis(&credit, need(1, 1), later).is_some());
}

#[test]
fn what_cannot_be_meant_is_not_heeded() {
    let now = Instant::now();
    let untimed = |remaining| Left { remaining, limit: Some(60), reset: None };
    for heard in [left(0, 0, 60_000), left(0, 60, 0), untimed(0), untimed(7), left(60, 60, 1)] {
        let credit = after(requests(heard), false, now);
        assert_eq!(millis(&credit, need(1, 1), now), None, "{heard:?}");
    }
    // A refusal without a reset, and one where something was left before, is believed for a second.
    assert_eq!(millis(&after(requests(untimed(0)), true, now), need(1, 1), now), Some(1000));
    let mut credit = after(requests(untimed(7)), false, now);
    let mark = credit.sent(need(1, 1), now);
    credit.saw(mark, &requests(untimed(0)), false, now);
    assert_eq!(millis(&credit, need(1, 1), now), Some(1000));
    assert_eq!(millis(&credit, Need::default(), now), Some(1000));
    // What counts tokens does not hold up a call that takes none.
    let credit = after(tokens(left(0, 60, 60_000)), false, now);
    assert_eq!(millis(&credit, Need::default(), now), None);
}

#[test]
fn without_a_limit_nothing_comes_back_before_the_reset() {
    let now = Instant::now();
    let reset = Some(Duration::from_secs(40));
    let credit = after(requests(Left { remaining: 0, limit: None, reset }), false, now);
    assert_eq!(millis(&credit, need(1, 1), now + 1000 * MILLI), Some(39_000));
    assert_eq!(millis(&credit, need(1, 1), now + 40_000 * MILLI), None);
}

#[test]
fn a_bucket_that_holds_one_request_is_not_slowed() {
    let now = Instant::now();
    let mut credit = Credit::new();
    for n in 0..1000_u32 {
        let at = now + 10 * MILLI * n;
        assert_eq!(millis(&credit, need(1, 1), at), None, "{n}");
        let mark = credit.sent(need(1, 1), at);
        credit.saw(mark, &requests(left(0, 6000, 10)), false, at + 5 * MILLI);
    }
}

#[test]
fn what_was_learned_can_be_told() {
    let now = Instant::now();
    let mut credit = after(requests(left(59, 60, 1000)), false, now);
    let mark = credit.sent(need(1, 1), now);
    credit.saw(mark, &requests(left(12, 60, 1000)), false, now);
    let learned: Vec<Learned> = credit.learned().collect();
    assert_eq!(learned, [Learned { what: Scarce::Requests, limit: Some(60), least: 12 }]);
}

/// A server that enforces a limit and tells of it.
trait Server {
    /// Whether a call that takes this much is let in, and what is left.
    fn arrive(&mut self, amount: u64, now: Instant) -> (bool, Left);
}

struct Bucket {
    limit: u64,
    capacity: f64,
    level: f64,
    at: Instant,
    /// Resets are rounded up to this.
    grain: Duration,
}

impl Bucket {
    fn per_second(&self) -> f64 {
        self.limit as f64 / 60.0
    }
}

impl Server for Bucket {
    fn arrive(&mut self, amount: u64, now: Instant) -> (bool, Left) {
        let gained = (now - self.at).as_secs_f64() * self.per_second();
        self.level = (self.level + gained).min(self.capacity);
        self.at = now;
        let is_let_in = self.level + 1e-6 >= amount as f64;
        self.level -= if is_let_in { amount as f64 } else { 0.0 };
        let reset = Duration::from_secs_f64((self.capacity - self.level) / self.per_second());
        let grains = reset.as_nanos().div_ceil(self.grain.as_nanos());
        let reset = Some(self.grain * u32::try_from(grains).expect("it is not long"));
        (is_let_in, Left { remaining: self.level as u64, limit: Some(self.limit), reset })
    }
}

struct Window {
    limit: u64,
    length: Duration,
    start: Instant,
    used: u64,
}

impl Server for Window {
    fn arrive(&mut self, amount: u64, now: Instant) -> (bool, Left) {
        while now >= self.start + self.length {
            self.start += self.length;
            self.used = 0;
        }
        let is_let_in = self.used + amount <= self.limit;
        self.used += if is_let_in { amount } else { 0 };
        let reset = Some(self.start + self.length - now);
        (is_let_in, Left { remaining: self.limit - self.used, limit: Some(self.limit), reset })
    }
}

/// Who sends as fast as the headers let it.
struct Client {
    width: usize,
    /// The input tokens of a call.
    sizes: std::ops::Range<u64>,
    /// How long an answer takes, in milliseconds.
    takes: std::ops::Range<u64>,
    length: Duration,
    tokens: bool,
}

#[derive(Debug)]
struct Outcome {
    calls: u64,
    refused: u64,
    /// What was let in: tokens or requests.
    used: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Arrive(usize),
    Answer(usize),
}

/// A call's mark, what it takes, and whether it was let in with what was left.
type Call = (Mark, u64, Option<(bool, Left)>);

/// A plain loop over arrivals and answers; a call takes 20 to 24 ms to the server and back.
fn simulate(server: &mut dyn Server, client: &Client, start: Instant) -> Outcome {
    let mut rng = StdRng::seed_from_u64(7);
    let mut credit = Credit::new();
    let mut outcome = Outcome { calls: 0, refused: 0, used: 0 };
    let mut steps = BinaryHeap::new();
    let mut calls: Vec<Call> = Vec::new();
    let (mut now, mut in_flight) = (start, 0);
    let mut next = rng.random_range(client.sizes.clone());
    while now < start + client.length {
        let wait = credit.wait(need(next, 0), now);
        if wait.is_none() && in_flight < client.width {
            let mark = credit.sent(need(next, 0), now);
            let travel = rng.random_range(20_000..24_000);
            let arrives = now + Duration::from_micros(travel);
            steps.push(Reverse((arrives, Step::Arrive(calls.len()))));
            calls.push((mark, if client.tokens { next } else { 1 }, None));
            next = rng.random_range(client.sizes.clone());
            in_flight += 1;
            continue;
        }
        let until = wait.map(|(_, until)| until).filter(|_| in_flight < client.width);
        let event = steps.peek().map(|Reverse((at, _))| *at);
        now = [until, event].into_iter().flatten().min().expect("something happens");
        if event != Some(now) {
            continue;
        }
        let Some(Reverse((_, step))) = steps.pop() else { continue };
        match step {
            Step::Arrive(n) => {
                let (is_let_in, left) = server.arrive(calls[n].1, now);
                let takes = if is_let_in { rng.random_range(client.takes.clone()) } else { 0 };
                let at = now + Duration::from_millis(20 + takes);
                calls[n].2 = Some((is_let_in, left));
                steps.push(Reverse((at, Step::Answer(n))));
            }
            Step::Answer(n) => {
                let (mark, amount, answer) = calls[n];
                let (is_let_in, left) = answer.expect("it has arrived");
                let headroom = if client.tokens { tokens(left) } else { requests(left) };
                credit.saw(mark, &headroom, !is_let_in, now);
                in_flight -= 1;
                outcome.calls += 1;
                outcome.refused += u64::from(!is_let_in);
                outcome.used += if is_let_in { amount } else { 0 };
            }
        }
    }
    outcome
}

fn client(width: usize, takes: std::ops::Range<u64>) -> Client {
    let length = Duration::from_mins(20);
    Client { width, sizes: 1..2, takes, length, tokens: false }
}

fn bucket(limit: u64, seconds: u64, grain: Duration, at: Instant) -> Bucket {
    let capacity = (limit * seconds) as f64 / 60.0;
    Bucket { limit, capacity, level: capacity, at, grain }
}

/// The most that this client gets out of a limit of so many a minute, from a bucket that is full at
/// first, and no more than its width allows.
fn allowed(client: &Client, limit: u64, held: f64) -> f64 {
    let minutes = client.length.as_secs_f64() / 60.0;
    let call = 0.042 + (client.takes.start + client.takes.end) as f64 / 2000.0;
    let by_width = client.length.as_secs_f64() * client.width as f64 / call;
    let by_limit = limit as f64 * minutes + held;
    if client.tokens { by_limit } else { by_limit.min(by_width) }
}

/// The calls that go before anything is known may be too many; of the others hardly any is refused.
fn assert_follows(outcome: &Outcome, allowed: f64, blind: u64) {
    let share = outcome.used as f64 / allowed;
    assert!(share >= 0.95, "{share} of {allowed}: {outcome:?}");
    let refused = outcome.refused.saturating_sub(blind) as f64 / outcome.calls as f64;
    assert!(refused < 0.01, "{refused}: {outcome:?}");
}

#[test]
fn a_bucket_is_used_up_and_hardly_refuses() {
    let now = Instant::now();
    for (takes, grain) in [
        (100..300, MILLI),
        (1000..9000, MILLI),
        (1000..9000, 1000 * MILLI),
        (20_000..60_000, MILLI),
    ] {
        let client = client(500, takes);
        let outcome = simulate(&mut bucket(600, 60, grain, now), &client, now);
        assert_follows(&outcome, allowed(&client, 600, 600.0), 0);
    }
}

#[test]
fn a_bucket_of_tokens_is_used_up_and_hardly_refuses() {
    let now = Instant::now();
    for grain in [MILLI, 1000 * MILLI] {
        let client = Client { sizes: 10..10_000, tokens: true, ..client(200, 500..8000) };
        let outcome = simulate(&mut bucket(1_000_000, 60, grain, now), &client, now);
        assert_follows(&outcome, allowed(&client, 1_000_000, 1_000_000.0), 0);
    }
}

#[test]
fn a_bucket_that_holds_little_is_found_out() {
    let now = Instant::now();
    for (limit, takes, grain) in [
        (600, 50..60, MILLI),
        (600, 1000..9000, MILLI),
        (600, 1000..9000, 1000 * MILLI),
        (60, 1000..9000, MILLI),
        (6000, 100..900, MILLI),
    ] {
        let client = client(40, takes);
        let outcome = simulate(&mut bucket(limit, 1, grain, now), &client, now);
        assert_follows(&outcome, allowed(&client, limit, 0.0), 40);
    }
}

#[test]
fn a_window_is_used_up_and_hardly_refuses() {
    let now = Instant::now();
    for (takes, width, limit) in
        [(100..300, 50, 600), (1000..3000, 200, 600), (1000..3000, 200, 250), (100..300, 2000, 600)]
    {
        let mut window = Window { limit, length: Duration::from_mins(1), start: now, used: 0 };
        let client = client(width, takes);
        let outcome = simulate(&mut window, &client, now);
        let blind = (width as u64).saturating_sub(limit);
        assert_follows(&outcome, allowed(&client, limit, 0.0), blind);
    }
}

/// What may happen to a credit.
#[derive(Clone, Debug)]
enum Event {
    Sent(u64, u64),
    Saw(usize, Option<Left>, Option<Left>, bool),
    Passed(u64),
}

fn any_left() -> impl Strategy<Value = Left> {
    let number = || prop_oneof![0_u64..5, 0_u64..10_000, any::<u64>()];
    let reset = prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (0_u64..100_000).prop_map(Duration::from_millis),
    ];
    (number(), proptest::option::of(number()), proptest::option::of(reset))
        .prop_map(|(remaining, limit, reset)| Left { remaining, limit, reset })
}

fn any_event() -> impl Strategy<Value = Event> {
    let left = || proptest::option::of(any_left());
    prop_oneof![
        (prop_oneof![0_u64..100, any::<u64>()], 0_u64..5000).prop_map(|(i, o)| Event::Sent(i, o)),
        (any::<usize>(), left(), left(), any::<bool>())
            .prop_map(|(n, requests, tokens, refused)| Event::Saw(n, requests, tokens, refused)),
        (0_u64..30_000).prop_map(Event::Passed),
    ]
}

proptest! {
    #[test]
    fn no_wait_is_longer_than_a_reset_whatever_is_told(
        events in proptest::collection::vec(any_event(), 1..60),
    ) {
        let mut now = Instant::now();
        let mut credit = Credit::new();
        let mut marks = vec![credit.sent(Need::default(), now)];
        let mut longest = Duration::from_secs(1);
        for event in events {
            match event {
                Event::Sent(input, output) => marks.push(credit.sent(need(input, output), now)),
                Event::Passed(millis) => now += Duration::from_millis(millis),
                Event::Saw(n, requests, tokens, refused) => {
                    let resets = [requests, tokens].into_iter().flatten().filter_map(|left| left.reset);
                    longest = resets.max().unwrap_or_default().max(longest);
                    let headroom = Headroom { requests, tokens, ..Headroom::default() };
                    credit.saw(marks[n % marks.len()], &headroom, refused, now);
                }
            }
            for need in [Need::default(), need(10, 10), need(u64::MAX, u64::MAX)] {
                if let Some((_, until)) = credit.wait(need, now) {
                    prop_assert!(until > now && until - now <= longest);
                }
            }
        }
    }

    #[test]
    fn nobody_waits_where_there_is_plenty(
        remaining in 1000_u64..1_000_000,
        more in 0_u64..1_000_000,
        reset in proptest::option::of(0_u64..100_000),
        sends in 0_u64..99,
        wait in 0_u64..1000,
    ) {
        let now = Instant::now();
        let reset = reset.map(Duration::from_millis);
        let left = Left { remaining, limit: Some(remaining + more), reset };
        let headroom = Headroom { tokens: Some(left), ..requests(left) };
        let mut credit = after(headroom, false, now);
        for _ in 0..sends {
            credit.sent(need(5, 5), now);
        }
        let later = now + Duration::from_millis(wait);
        prop_assert_eq!(credit.wait(need(5, 5), later), None);
    }
}
