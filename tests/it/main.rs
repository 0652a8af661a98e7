//! The integration tests, in one binary so that they link once.

mod ask;
mod bedrock;
mod canary;
mod chat;
mod deadline;
mod diagnose;
mod dialects;
mod doctor;
mod fallbacks;
mod faults;
mod house;
mod jobs;
mod library;
mod mock;
mod openai;
mod pace;
mod prompts;
mod resume;
mod run;
mod schema;
mod secrets;
mod signals;
mod support;
mod tables;
mod vertex;
mod waits;
