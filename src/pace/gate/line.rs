//! The way through the gate: at once, or in line.

use tokio::time::Instant;

use crate::call::estimate::Expected;
use crate::call::fallback::FallbackOn;
use crate::pace::door::{Barred, Closure};
use crate::pace::gate::Gate;
use crate::pace::gate::pass::{Asked, Pass, Trial};
use crate::pace::permits::Permit;
use crate::pace::pilot::Pilot;
use crate::pace::rate::{Head, Waiting, Why};
use crate::pace::tokens::Need;
use crate::pace::verdict::Obstacle;

impl Gate {
    /// The way of most calls where nothing is limited: no line, no wait.
    pub(super) fn pass_at_once(&self, expected: Expected) -> Option<Pass<'_>> {
        if self.rates().next().is_some() || self.doors().any(|door| door.closure().is_some()) {
            return None;
        }
        let _turn = self.turn.try_lock().ok()?;
        let own = self.places.try_take()?;
        let mut places = Vec::with_capacity(1 + self.scopes.len());
        places.push(own);
        if !self.scopes.iter().all(|scope| scope.try_places(&mut places)) {
            return None;
        }
        let mut pilot = self.pilot();
        let need = pilot.need(expected);
        let is_trial = pilot.obstacle(need, Instant::now()).ok()?;
        let trial = Trial { gate: self, is_on: is_trial };
        let asked = Asked { expected, need, paced: false };
        Some(self.let_through(&mut pilot, asked, trial, places))
    }

    pub(super) async fn wait_in_line(
        &self,
        expected: Expected,
        elsewhere: FallbackOn,
    ) -> Result<Pass<'_>, Barred> {
        let own = self.places.take().await;
        let _turn = self.turn.lock().await;
        let _line = self.watch.line();
        let need = self.pilot().need(expected);
        loop {
            let mut trial = self.overcome(need, elsewhere).await?;
            let mut places = Vec::with_capacity(4);
            for scope in &self.scopes {
                scope.take_places(&mut places).await;
            }
            // A pause may have been asked for in the meantime, or the provider may have gone away:
            // then others need the shared places more.
            if !trial.is_on {
                let Some(again) = self.unhindered(need) else { continue };
                trial = again;
            }
            let paced = self.keep_pace(need).await?;
            if !trial.is_on {
                let Some(again) = self.unhindered(need) else {
                    let now = Instant::now();
                    self.rates().for_each(|rate| rate.settle(need, Need::default(), now));
                    continue;
                };
                trial = again;
            }
            places.push(own);
            let asked = Asked { expected, need, paced };
            return Ok(self.let_through(&mut self.pilot(), asked, trial, places));
        }
    }

    /// Waits until all stated limits let the call pass; whether that took any waiting.
    async fn keep_pace(&self, need: Need) -> Result<bool, Closure> {
        let mut head = Head::of(self.rates().collect()).await;
        let mut paced = false;
        while let Some(waiting) = head.next(need) {
            paced = true;
            match waiting.why {
                Why::Tokens(_) => tokio::select! {
                    held = self.hold(waiting) => held?,
                    () = head.eased() => {}
                },
                _ => self.hold(waiting).await?,
            }
        }
        Ok(paced)
    }

    /// Leave to be sent, if nothing that the lane has learned stands in the way now.
    fn unhindered(&self, need: Need) -> Option<Trial<'_>> {
        let is_on = self.pilot().obstacle(need, Instant::now()).ok()?;
        Some(Trial { gate: self, is_on })
    }

    fn let_through<'g>(
        &'g self,
        pilot: &mut Pilot,
        asked: Asked,
        trial: Trial<'g>,
        places: Vec<Permit>,
    ) -> Pass<'g> {
        let sent = Instant::now();
        let (level, mark) = pilot.sent(asked.need, asked.paced, sent);
        Pass { gate: self, asked, sent, level, mark, trial, places }
    }

    /// Waits until nothing that the lane has learned stands in the way.
    async fn overcome(&self, need: Need, elsewhere: FallbackOn) -> Result<Trial<'_>, Barred> {
        loop {
            let mut tried = std::pin::pin!(self.tried.notified());
            tried.as_mut().enable();
            let obstacle = {
                let (mut pilot, now) = (self.pilot(), Instant::now());
                match pilot.obstacle(need, now) {
                    Ok(is_on) => return Ok(Trial { gate: self, is_on }),
                    Err(obstacle) => match pilot.sends_away(obstacle, now) {
                        Some(kind) if elsewhere.covers(kind) => return Err(Barred::Away(kind)),
                        _ => obstacle,
                    },
                }
            };
            match obstacle {
                Obstacle::Wait(waiting) => self.hold(waiting).await?,
                Obstacle::Trial => tried.await,
            }
        }
    }

    /// Waits, and tells so; or parks the lane, when the wait goes beyond the end of the run.
    async fn hold(&self, waiting: Waiting) -> Result<(), Closure> {
        if self.deadline.is_some_and(|deadline| waiting.until >= deadline) {
            return Err(self.park(waiting));
        }
        let _lost = self.watch.hold(waiting, &self.name);
        self.timer.sleep_until(waiting.until).await;
        Ok(())
    }

    fn park(&self, waiting: Waiting) -> Closure {
        let closure = Closure::parked(waiting, Instant::now());
        let reason = &closure.reason;
        tracing::warn!(model = &*self.name, %reason, "the model is parked; --resume goes on with it");
        self.door.close(closure.clone());
        closure
    }
}
