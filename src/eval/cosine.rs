//! `cosine`: how near an answer is to another text, by the angle between their embeddings.

use crate::call::score::Score;

/// How near the answer is to the other text, from their embeddings; as a score that passes from
/// `threshold` on.
///
/// Opposite texts have a negative cosine, which is no nearer than having nothing in common: 0.
pub fn score(answer: &[f64], other: &[f64], threshold: Option<f64>) -> Score {
    if answer.len() != other.len() || answer.is_empty() {
        let lengths = format!("{} and {}", answer.len(), other.len());
        return Score::broken(format!("the embeddings have different lengths: {lengths}"));
    }
    let product = |one: &[f64], two: &[f64]| one.iter().zip(two).map(|(a, b)| a * b).sum::<f64>();
    let lengths = (product(answer, answer) * product(other, other)).sqrt();
    if lengths == 0.0 || !lengths.is_finite() {
        return Score::broken("an embedding is all zeros or not finite");
    }
    let value = (product(answer, other) / lengths).clamp(0.0, 1.0);
    Score::of(value, threshold.map(|least| value >= least))
}

/// An embedding, as the text of the answer of an embedding model: a JSON list of numbers.
pub fn read(text: &str) -> Result<Vec<f64>, String> {
    serde_json::from_str(text).map_err(|why| format!("the embedding cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_angle_counts_and_the_length_does_not() {
        for (one, two, expected) in [
            (&[1.0, 0.0][..], &[5.0, 0.0][..], Some(1.0)),
            (&[1.0, 0.0], &[0.0, 2.0], Some(0.0)),
            (&[1.0, 0.0], &[-1.0, 0.0], Some(0.0)),
            (&[3.0, 4.0], &[4.0, 3.0], Some(0.96)),
            (&[1.0], &[1.0, 2.0], None),
            (&[0.0], &[1.0], None),
            (&[], &[], None),
        ] {
            let value = score(one, two, None).value;
            let is_near = match (value, expected) {
                (Some(value), Some(expected)) => (value - expected).abs() < 1e-12,
                (value, expected) => value == expected,
            };
            assert!(is_near, "{one:?} {two:?}: {value:?}");
        }
        assert_eq!(score(&[1.0, 1.0], &[1.0, 1.0], Some(0.9)).pass, Some(true));
        assert_eq!(read("[1, -0.5e-1]"), Ok(vec![1.0, -0.05]));
        assert!(read("nope").is_err());
    }
}
