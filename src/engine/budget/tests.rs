//! What the accounts hold and settle, and that no cap is passed, in virtual time.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::sleep;

use super::*;

const PAYER: Payer<'static> = Payer { lane: 0, provider: "lab", label: "small" };

fn usd(pico: i128) -> Usd {
    Usd::from_pico(pico)
}

fn account(scope: Scope, cap: i128) -> Account {
    Account { scope, cap: usd(cap), spent: Usd::ZERO, held: Usd::ZERO }
}

fn budget(accounts: Vec<Account>) -> Arc<Budget> {
    Arc::new(Budget::new(accounts))
}

#[tokio::test(start_paused = true)]
async fn what_a_call_did_not_cost_is_given_back_and_the_next_one_waits_for_it() {
    let budget = budget(vec![account(Scope::Run, 10)]);
    let first = budget.hold(PAYER, usd(8)).await.expect("enough");
    let second = tokio::join!(budget.hold(PAYER, usd(7)), async {
        sleep(Duration::from_secs(1)).await;
        first.settle(usd(2));
    });
    let second = second.0.expect("enough, by now");
    assert_eq!(
        budget.accounts()[0],
        Account { held: usd(7), spent: usd(2), ..budget.accounts()[0].clone() }
    );
    second.settle(usd(7));
    assert!(budget.hold(PAYER, usd(2)).await.is_none());
    let shortage = budget.shortage().expect("one");
    assert_eq!((shortage.account.spent, shortage.at_most), (usd(9), usd(2)));
    assert!(budget.is_closed(PAYER));
    // What is asked elsewhere may be cheaper, and still fit.
    let other = Payer { lane: 1, ..PAYER };
    assert!(!budget.is_closed(other));
    budget.hold(other, usd(1)).await.expect("enough").settle(usd(1));
}

#[tokio::test]
async fn each_call_falls_to_the_accounts_of_its_run_its_provider_and_its_model() {
    let accounts = vec![
        account(Scope::Run, 100),
        account(Scope::Provider("lab".into()), 10),
        account(Scope::Model("small".into()), 5),
    ];
    let budget = budget(accounts);
    budget.hold(PAYER, usd(5)).await.expect("enough").settle(usd(4));
    assert!(budget.hold(PAYER, usd(2)).await.is_none());
    // An empty account of a model closes it for all lanes, and nobody else.
    let large = Payer { label: "large", ..PAYER };
    assert!(budget.is_closed(Payer { lane: 7, ..PAYER }) && !budget.is_closed(large));
    budget.hold(large, usd(6)).await.expect("enough").settle(usd(6));
    assert!(budget.hold(large, usd(1)).await.is_none());
    let elsewhere = Payer { provider: "hall", label: "large", lane: 3 };
    budget.hold(elsewhere, usd(90)).await.expect("enough").settle(usd(90));
    let spent: Vec<Usd> = budget.accounts().iter().map(|account| account.spent).collect();
    assert_eq!(spent, [usd(100), usd(10), usd(4)]);
}

#[tokio::test]
async fn a_call_that_was_sent_and_forgotten_counts_as_its_worst_case() {
    let budget = budget(vec![account(Scope::Run, 10)]);
    drop(budget.hold(PAYER, usd(3)).await.expect("enough"));
    assert_eq!(budget.accounts()[0].spent, Usd::ZERO);
    let mut sent = budget.hold(PAYER, usd(3)).await.expect("enough");
    sent.send();
    drop(sent);
    let account = &budget.accounts()[0];
    assert_eq!((account.spent, account.held), (usd(3), Usd::ZERO));
}

/// 256 at once, a cap of one dollar, random worst cases and costs: what is spent at any moment, with
/// all that is in flight at its worst, never passes the cap; and nothing is left that would fit.
#[tokio::test(start_paused = true)]
async fn no_cap_is_ever_passed() {
    for seed in 0..1_000 {
        let mut rng = StdRng::seed_from_u64(seed);
        let cap = 1_000_000_000_000;
        let budget = budget(vec![account(Scope::Run, cap)]);
        let dearest = rng.random_range(1_000_000..60_000_000_000_i128);
        let calls: Vec<(i128, i128, u64)> = (0..400)
            .map(|_| {
                let at_most = rng.random_range(1..=dearest);
                (at_most, rng.random_range(0..=at_most), rng.random_range(1..2_000))
            })
            .collect();
        let mut calls = calls.into_iter();
        // As in a lane, those that wait stand in line.
        let line = tokio::sync::Mutex::default();
        let call = |(at_most, cost, millis): (i128, i128, u64)| {
            let (budget, line): (_, &tokio::sync::Mutex<()>) = (Arc::clone(&budget), &line);
            async move {
                let hold = {
                    let _first_in_line = line.lock().await;
                    budget.hold(PAYER, usd(at_most)).await?
                };
                let account = budget.accounts().remove(0);
                assert!(account.spent + account.held <= usd(cap), "seed {seed}: {account:?}");
                sleep(Duration::from_millis(millis)).await;
                hold.settle(usd(cost));
                Some(cost)
            }
        };
        let mut running: FuturesUnordered<_> = calls.by_ref().take(256).map(call).collect();
        let mut served = 0;
        while let Some(cost) = running.next().await {
            served += cost.unwrap_or_default();
            if !budget.is_closed(PAYER) {
                running.extend(calls.next().map(call));
            }
        }
        let account = budget.accounts().remove(0);
        assert_eq!((account.spent, account.held), (usd(served), Usd::ZERO), "seed {seed}");
        match budget.shortage() {
            Some(shortage) => assert!(shortage.account.spent + shortage.at_most > usd(cap)),
            None => assert_eq!(calls.next(), None, "seed {seed}"),
        }
    }
}
