//! Runs that are drawn by chance: how often an alarm is false, and how often a drop is found.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng as _};

use crate::call::score::Score;
use crate::store::testing;

use super::super::Compared;
use super::super::model_map::ModelMap;
use super::super::side::Side;

/// Runs of some prompts by some models.
struct World {
    random: Xoshiro256PlusPlus,
    /// How likely each prompt is answered well.
    prompts: Vec<f64>,
    models: u32,
    repeats: u64,
    columns: &'static [&'static str],
    /// How often a task fails.
    errors: f64,
}

impl World {
    /// Most prompts are easy, some are a matter of luck, some are too hard: four in five are
    /// answered well.
    fn new(seed: u64, prompts: usize) -> Self {
        let ease = |at: usize| match at % 10 {
            0..7 => 0.97,
            7..9 => 0.6,
            _ => 0.03,
        };
        Self {
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            prompts: (0..prompts).map(ease).collect(),
            models: 1,
            repeats: 1,
            columns: &["right"],
            errors: 0.0,
        }
    }

    fn chance(&mut self, share: f64) -> bool {
        ((self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64) < share
    }

    /// A run in which everything is so many times as likely to be answered well.
    fn run(&mut self, quality: f64) -> Side {
        let mut side = Side::default();
        let mut id = 0;
        for prompt in 0..self.prompts.len() {
            for model in 0..self.models {
                let model = side.model(&format!("m{model}"), None);
                for _ in 0..self.repeats {
                    id += 1;
                    let is_ok = !self.chance(self.errors);
                    side.push(testing::task(id), prompt as u32, model, is_ok);
                    for column in self.columns.iter().filter(|_| is_ok) {
                        let is_right = self.chance(self.prompts[prompt] * quality);
                        side.score(column, &Score::verdict(is_right));
                    }
                }
            }
        }
        side
    }

    /// In how many of so many pairs of runs an alarm is raised, where the second is of this quality.
    fn alarms(&mut self, pairs: usize, quality: f64) -> usize {
        let alarm = |_: &usize| {
            let (base, new) = (self.run(1.0), self.run(quality));
            let compared = Compared::of(base, new, &ModelMap::default()).unwrap();
            compared.comparison().regressions().next().is_some()
        };
        (0..pairs).filter(alarm).count()
    }
}

/// What leaves seven of eight good answers: from four in five to seven in ten.
const TEN_POINTS: f64 = 0.875;

#[test]
fn runs_of_equal_quality_alarm_in_at_most_one_of_twenty() {
    let plain = World::new(1, 200).alarms(200, 1.0);
    assert!(plain <= 10, "{plain} of 200");
    let mut many = World { models: 3, columns: &["a", "b"], errors: 0.05, ..World::new(2, 100) };
    let many = many.alarms(100, 1.0);
    assert!(many <= 5, "{many} of 100");
    // Repeats of one prompt are like each other, and no evidence of their own.
    let repeated = World { repeats: 5, ..World::new(3, 40) }.alarms(100, 1.0);
    assert!(repeated <= 5, "{repeated} of 100");
}

#[test]
fn a_drop_of_ten_points_on_200_prompts_is_found_in_four_of_five() {
    let found = World::new(4, 200).alarms(200, TEN_POINTS);
    assert!(found >= 160, "{found} of 200");
}

#[test]
fn a_run_never_alarms_against_itself() {
    let side = || World { models: 2, columns: &["a", "b"], ..World::new(6, 50) }.run(1.0);
    let compared = Compared::of(side(), side(), &ModelMap::default()).unwrap();
    let comparison = compared.comparison();
    assert_eq!((comparison.tasks.matched, comparison.tasks.changed), (100, 0));
    assert_eq!(comparison.regressions().count(), 0);
    for change in comparison.subjects().flat_map(|subject| &subject.metrics) {
        assert_eq!((change.change, change.same), (0.0, 50), "{change:?}");
    }
    assert!(compared.changes().is_empty());
}
