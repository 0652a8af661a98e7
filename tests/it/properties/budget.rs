//! The budget, whatever is held, sent, settled and forgotten in which order: no cap is ever passed, and
//! no cent is lost, by accounts that are kept beside it.

use std::sync::Arc;

use futures::FutureExt as _;
use runner::call::money::Usd;
use runner::engine::budget::{Account, Budget, Hold, Payer, Scope};

use super::feed::Feed;

const LABELS: [&str; 2] = ["small", "large"];
const PROVIDERS: [&str; 2] = ["lab", "hall"];

struct Call {
    hold: Hold,
    at_most: i128,
    is_sent: bool,
    accounts: [bool; 3],
}

/// Three caps, and then what happens.
pub(super) fn holds(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let scopes = [Scope::Run, Scope::Provider("lab".into()), Scope::Model("small".into())];
    let account = |scope: Scope| {
        let cap = Usd::from_pico(i128::from(feed.number()));
        Account { scope, cap, spent: Usd::ZERO, held: Usd::ZERO }
    };
    let accounts: Vec<Account> = scopes.into_iter().map(account).collect();
    let caps: Vec<i128> = accounts.iter().map(|account| account.cap.as_pico()).collect();
    let budget = Arc::new(Budget::new(accounts));
    let (mut calls, mut spent): (Vec<Call>, [i128; 3]) = (Vec::new(), [0; 3]);
    while !feed.is_empty() {
        match feed.byte() % 4 {
            0 | 1 => hold(&budget, &mut feed, &mut calls, &caps, &spent),
            2 if !calls.is_empty() => {
                let call = calls.swap_remove(feed.below(calls.len()));
                let cost = i128::from(feed.number()) % (call.at_most + 1);
                call.hold.settle(Usd::from_pico(cost));
                add(&mut spent, call.accounts, cost);
            }
            3 if !calls.is_empty() => {
                let nth = feed.below(calls.len());
                if feed.flag() {
                    calls[nth].hold.send();
                    calls[nth].is_sent = true;
                    continue;
                }
                // Nobody knows what a call cost that was sent and forgotten.
                let call = calls.swap_remove(nth);
                drop(call.hold);
                add(&mut spent, call.accounts, if call.is_sent { call.at_most } else { 0 });
            }
            _ => {}
        }
        for (nth, account) in budget.accounts().into_iter().enumerate() {
            let held: i128 =
                calls.iter().filter(|call| call.accounts[nth]).map(|call| call.at_most).sum();
            assert_eq!((account.spent.as_pico(), account.held.as_pico()), (spent[nth], held));
            assert!(spent[nth] + held <= caps[nth], "no cap is passed: {account:?}");
        }
    }
}

fn hold(
    budget: &Arc<Budget>,
    feed: &mut Feed<'_>,
    calls: &mut Vec<Call>,
    caps: &[i128],
    spent: &[i128; 3],
) {
    let (label, provider) = (usize::from(feed.flag()), usize::from(feed.flag()));
    let payer = Payer { lane: provider, provider: PROVIDERS[provider], label: LABELS[label] };
    let at_most = i128::from(feed.number()) / (i128::from(feed.byte()) + 1);
    let accounts = [true, provider == 0, label == 0];
    let was_closed = budget.is_closed(payer);
    let held = budget.hold(payer, Usd::from_pico(at_most)).now_or_never();
    match held {
        Some(Some(hold)) => {
            assert!(!was_closed, "what is closed stays closed");
            calls.push(Call { hold, at_most, is_sent: false, accounts });
        }
        Some(None) => {
            let is_short = (0..3).any(|nth| accounts[nth] && spent[nth] + at_most > caps[nth]);
            assert!(was_closed || is_short, "what would fit is not refused for good");
            assert!(budget.is_closed(payer) && budget.shortage().is_some());
        }
        // It waits for calls in flight, of which there are some.
        None => assert!(!calls.is_empty(), "nobody waits for nothing"),
    }
}

fn add(spent: &mut [i128; 3], accounts: [bool; 3], cost: i128) {
    for (nth, is_charged) in accounts.into_iter().enumerate() {
        spent[nth] += if is_charged { cost } else { 0 };
    }
}
