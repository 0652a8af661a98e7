//! The integration tests, in one binary so that they link once.

mod diagnose;
mod house;
mod jobs;
mod mock;
mod schema;
mod support;
