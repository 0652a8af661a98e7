//! What is known of one limit of the server's.

use std::time::Duration;

use tokio::time::Instant;

use crate::pace::headroom::Left;
use crate::pace::headroom::slope::Slope;

/// A longer wait is none that anybody waits for; it keeps the sums of times within their range.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// How long a header without a reset is believed: the provider may as well mean a day.
const UNDATED: Duration = Duration::from_secs(1);

/// Providers state limits by the minute.
const MINUTE: Duration = Duration::from_mins(1);

/// A bucket of a minute's limit that is whole again this soon holds little of it.
const SOON: Duration = Duration::from_secs(2);

/// So many refusals in a row, of calls for which enough should have come back, show that it does
/// not come back so fast. One alone may be a call that travelled faster than the one before.
const STRIKES: u8 = 2;

/// A limit that comes back at once is asked for this often all the same: where the guess was wrong
/// and the reset is a day away, one call too many every five minutes is the smaller loss.
const PROBE: Duration = Duration::from_mins(5);

/// A call may travel this much faster than the one before it. What comes back in that time is
/// left in the bucket, where it costs nothing, unless that is much for the bucket or the call.
const TRAVEL: Duration = Duration::from_millis(50);
const MUCH: f64 = 0.01;

/// Differences below this come from counting in binary fractions.
const DUST: f64 = 1e-3;

/// What a call was to one account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    /// All that had been sent by then, the call included.
    total: u64,
    /// What the call took.
    amount: u64,
    /// What others took that went just before it and may have come after it.
    close: u64,
    /// Whether only what should have come back let it go.
    leaned: bool,
}

/// One thing that is left, and the call whose answer said so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// The number of the call.
    pub(super) number: u64,
    /// When it was sent.
    pub(super) sent_at: Instant,
    /// What it was to this account.
    pub(super) sent: Sent,
    /// What is left.
    pub(super) left: Left,
    /// Whether the call was refused for being too fast.
    pub(super) refused: bool,
    /// The number of the newest call that was sent.
    pub(super) newest: u64,
}

/// What the server was last heard to say.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// The number of the call whose answer it is.
    number: u64,
    /// When that call was sent: what came back since then is not in `remaining`.
    since: Instant,
    /// All that had been sent by then.
    total: u64,
    remaining: f64,
    limit: Option<f64>,
    /// What comes back in a second, where that can be told.
    rate: Option<f64>,
    /// It is believed until then.
    until: Instant,
    /// Whether it takes long to be whole again.
    is_long: bool,
    /// Whether the server did not say this: the limit was whole again, by what it said before.
    is_assumed: bool,
}

/// What is known of one limit.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// All that was sent so far.
    total: u64,
    /// All that was sent until a little ago, and since when that is so.
    before: u64,
    lap: Option<(Instant, u64)>,
    told: Option<Told>,
    slope: Slope,
    /// The longest reset that was told.
    longest: Duration,
    strikes: u8,
    /// The newest call when the last strike was heard: what went before it knew nothing of it.
    struck: u64,
    learned: Option<Learning>,
}

/// What was told over time.
#[derive(Clone, Copy, Debug)]
struct Learning {
    limit: Option<u64>,
    least: u64,
    /// The most that was ever left of this limit.
    most: u64,
}

impl Account {
    /// Counts what a call takes.
    pub(super) fn send(&mut self, amount: u64, now: Instant) -> Sent {
        let leaned = self
            .valid(now)
            .is_some_and(|told| !told.is_assumed && self.base(told) + DUST < amount as f64);
        self.told = self.told.and_then(|told| self.rolled(told, now));
        let close = self.total - self.sent_before(now);
        self.total = self.total.saturating_add(amount);
        Sent { total: self.total, amount, close, leaned }
    }

    /// What was sent more than the difference of two travels ago, or up to twice that.
    fn sent_before(&mut self, now: Instant) -> u64 {
        let (lap, total) = *self.lap.get_or_insert((now, self.total));
        let passed = now.saturating_duration_since(lap);
        if passed >= TRAVEL {
            self.before = if passed >= 2 * TRAVEL { self.total } else { total };
            self.lap = Some((now, self.total));
        }
        self.before
    }

    /// What is known of the limit when a call is sent.
    ///
    /// Once the reset has passed the limit is whole, by the server's word, and may be used up before
    /// the next answer tells how much is left. That is assumed for a while and no longer: a server
    /// that has stopped telling must not be held to its last word for ever.
    fn rolled(&self, told: Told, now: Instant) -> Option<Told> {
        let remaining = match told.is_assumed {
            false if now < self.end(&told) => {
                return Some(if self.is_counted(&told) { self.capped(told, now) } else { told });
            }
            true if now >= told.until => return None,
            true => self.level(&told, now).min(self.whole(&told)?),
            false => self.whole(&told)?,
        };
        let until = match told.is_assumed {
            true => told.until,
            false if self.refill(&told).is_some() => now + self.longest.max(MINUTE),
            false => now + self.longest,
        };
        Some(Told { since: now, total: self.total, remaining, until, is_assumed: true, ..told })
    }

    /// Takes what an answer says is left.
    pub(super) fn hear(&mut self, heard: Heard, now: Instant) {
        let Left { remaining, limit, reset } = heard.left;
        // A limit of 0 would let nothing through, and something came through.
        if limit == Some(0) {
            return;
        }
        let is_alive = self.learn(remaining, limit);
        self.strike(&heard);
        let reset = match reset {
            // Azure's Responses API says 0 and means nothing by it.
            Some(reset) if remaining == 0 && reset.is_zero() => return,
            None if remaining == 0 && !heard.refused && !is_alive => return,
            Some(reset) => Some(reset.min(LONGEST)),
            None => None,
        };
        if let (Some(limit), Some(reset)) = (limit, reset) {
            self.slope.see(remaining, limit, reset, now);
        }
        self.longest = self.longest.max(reset.unwrap_or_default());
        self.believe(&heard, reset, now);
    }

    /// Notes what was told, and says whether anything was ever left: a header that only ever says 0
    /// says nothing.
    fn learn(&mut self, remaining: u64, limit: Option<u64>) -> bool {
        let new = Learning { limit, least: remaining, most: remaining };
        let learned = self.learned.map_or(new, |old| Learning {
            limit: limit.or(old.limit),
            least: old.least.min(remaining),
            most: if limit == old.limit { old.most.max(remaining) } else { remaining },
        });
        self.learned = Some(learned);
        learned.most > 0
    }

    /// Whether the refusal of a call, or its answer, shows how the limit comes back.
    fn strike(&mut self, heard: &Heard) {
        if !heard.sent.leaned {
            return;
        }
        let is_small = self.told.is_some_and(|told| self.is_small(&told));
        if !heard.refused && (self.strikes < STRIKES || !is_small) {
            self.strikes = 0;
        } else if heard.refused
            && heard.left.remaining < heard.sent.amount
            && heard.number > self.struck
        {
            self.strikes = self.strikes.saturating_add(1);
            self.struck = heard.newest;
        }
    }

    fn believe(&mut self, heard: &Heard, reset: Option<Duration>, now: Instant) {
        let Left { remaining, limit, .. } = heard.left;
        let mut until = now + reset.unwrap_or(UNDATED);
        if let Some(before) = &self.told {
            let is_window = self.refill(before).is_none();
            let is_past = is_window && before.is_assumed && heard.sent_at < before.since;
            if before.number > heard.number || is_past {
                return;
            }
            // A window ends when it ends; a call that took long tells of it late.
            if is_window && !before.is_assumed && heard.sent_at < before.until {
                until = until.min(before.until);
            }
        }
        let rate = reset.zip(limit).and_then(|(reset, limit)| {
            let rate = limit.saturating_sub(remaining) as f64 / reset.as_secs_f64();
            let rate = self.slope.rate().map_or(rate, |slope| slope.min(rate));
            (rate.is_finite() && rate > 0.0).then_some(rate)
        });
        let told = Told {
            number: heard.number,
            since: heard.sent_at,
            total: heard.sent.total,
            remaining: self.certain(heard, now),
            limit: limit.map(|limit| limit as f64),
            // A limit that is whole says nothing of its rate.
            rate: rate.or(self.told.and_then(|told| told.rate).filter(|_| limit.is_some())),
            until,
            is_long: reset.is_some_and(|reset| reset > SOON),
            is_assumed: false,
        };
        self.told = Some(self.with_overflow(told, now));
    }

    /// What is left when all that was sent before is counted, which what others took just before may
    /// not have been. Of a window our own count tells, and where that is off, the server does. A
    /// bucket forgives a call too many, and one that holds little would be slowed.
    fn certain(&self, heard: &Heard, now: Instant) -> f64 {
        let remaining = heard.left.remaining as f64;
        let window = self.valid(now).filter(|told| self.refill(told).is_none());
        window.map_or(remaining, |told| {
            let since = self.total.saturating_sub(heard.sent.total) as f64;
            (self.base(told) + since).clamp(remaining - heard.sent.close as f64, remaining)
        })
    }

    /// What came back into a bucket that was full is lost. In one that holds little this is much, so
    /// that the lower one of what the server said and what is counted here holds.
    fn with_overflow(&self, told: Told, now: Instant) -> Told {
        match self.told.filter(|before| self.is_counted(&told) && now < self.end(before)) {
            Some(before) if self.level(&before, now) < self.level(&told, now) => {
                let remaining = self.level(&before, now);
                Told { since: now, total: self.total, remaining, ..told }
            }
            _ => told,
        }
    }

    /// Until when a call that takes `amount` should wait, if it should.
    pub(super) fn wait(
        &self,
        amount: u64,
        last_sent: Option<Instant>,
        now: Instant,
    ) -> Option<Instant> {
        let told = self.valid(now).filter(|_| amount > 0)?;
        // What is larger than the limit goes when the limit is whole.
        let wanted = (amount as f64).min(told.limit.unwrap_or(f64::INFINITY));
        let base = self.base(told);
        let until = match self.refill(told) {
            _ if base + DUST >= wanted => return None,
            None => last_sent.map_or(told.until, |last| told.until.min(last + PROBE)),
            Some(rate) => {
                let lacking = wanted + self.cushion(wanted, rate) - self.level(told, now);
                if lacking <= DUST {
                    return None;
                }
                let wait = (lacking / rate).min(LONGEST.as_secs_f64());
                let wait = Duration::from_secs_f64(wait) + Duration::from_micros(1);
                self.end(told).min(now + wait)
            }
        };
        let until = until.min(now + self.longest.max(UNDATED));
        (until > now).then_some(until)
    }

    /// The limit that was told last, and the least that was ever left.
    pub(super) fn learned(&self) -> Option<(Option<u64>, u64)> {
        self.learned.map(|learned| (learned.limit, learned.least))
    }

    fn valid(&self, now: Instant) -> Option<&Told> {
        self.told.as_ref().filter(|told| now < self.end(told))
    }

    /// Until when it is believed. What a bucket that holds little was told to hold then, it does not
    /// if something was sent since.
    fn end(&self, told: &Told) -> Instant {
        match self.refill(told) {
            Some(rate) if self.is_counted(told) && !told.is_assumed => {
                let sent = self.total.saturating_sub(told.total) as f64;
                told.until + Duration::from_secs_f64((sent / rate).min(LONGEST.as_secs_f64()))
            }
            _ => told.until,
        }
    }

    /// What is left without what came back since.
    fn base(&self, told: &Told) -> f64 {
        told.remaining - self.total.saturating_sub(told.total) as f64
    }

    /// What is left with what came back since.
    fn level(&self, told: &Told, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(told.since).as_secs_f64();
        self.base(told) + passed * self.refill(told).unwrap_or(0.0)
    }

    /// What is left in the bucket beyond what a call wants.
    fn cushion(&self, wanted: f64, rate: f64) -> f64 {
        let most = self.learned.map_or(0.0, |learned| learned.most as f64);
        (rate * TRAVEL.as_secs_f64()).min(most.max(wanted) * MUCH)
    }

    /// What comes back in a second; `None` where nothing does before the reset.
    fn refill(&self, told: &Told) -> Option<f64> {
        let rate = told.rate?;
        match self.strikes < STRIKES {
            true => Some(rate),
            false if self.is_small(told) => Some(rate.min(told.limit? / MINUTE.as_secs_f64())),
            false => None,
        }
    }

    /// What there is when the limit is whole.
    fn whole(&self, told: &Told) -> Option<f64> {
        let seen = self.learned.filter(|_| self.is_small(told));
        let held = seen.map_or(f64::INFINITY, |learned| learned.most as f64 + 1.0);
        Some(told.limit?.min(held))
    }

    /// Whether it was found to be a bucket that holds little, so that what it holds is counted here.
    fn is_counted(&self, told: &Told) -> bool {
        self.strikes >= STRIKES && self.refill(told).is_some()
    }

    /// The same, counted up to now: a bucket holds no more than it can.
    fn capped(&self, told: Told, now: Instant) -> Told {
        let level = self.level(&told, now);
        let remaining = self.whole(&told).map_or(level, |whole| level.min(whole));
        let until = self.end(&told);
        Told { since: now, total: self.total, remaining, until, ..told }
    }

    /// Whether this is a bucket that holds little of a minute's limit: it was never seen to hold
    /// much, and it is soon whole again, or is known to fill steadily.
    fn is_small(&self, told: &Told) -> bool {
        let (Some(limit), Some(learned)) = (told.limit, self.learned) else { return false };
        let is_steady = !told.is_long || self.slope.rate().is_some();
        is_steady && (learned.most as f64) < limit / 2.0
    }
}
