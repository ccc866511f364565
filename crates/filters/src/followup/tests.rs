use super::*;
use crate::register::Rigid;
use wilhelm_study::{CodedConcept, Segment, Spacing};

/// Boxes as label, first voxel, size; tracked as `T1`, `T2` in the prior.
fn map(boxes: &[(u16, [usize; 3], [usize; 3])], tracked: bool) -> LabelMap {
    let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(2.0)).expect("positive");
    let geometry = Geometry::axis_aligned([80, 40, 10], spacing).expect("a grid");
    let mut labels = vec![0; geometry.voxels()];
    let mut segments = BTreeMap::new();
    for (label, [column, row, slice], [width, height, depth]) in boxes {
        let mut segment =
            Segment::abnormality("lesion", CodedConcept::new("SCT", "52988006", "Lesion"), "test");
        let prefix = if tracked { "T" } else { "N" };
        segment.tracking_uid = Some(format!("2.25.{label}{}", u8::from(tracked)));
        segment.tracking_id = Some(format!("{prefix}{label}"));
        segments.insert(*label, segment);
        for slice in *slice..slice + depth {
            for row in *row..row + height {
                for column in *column..column + width {
                    labels[geometry.offset(Index { column, row, slice })] = *label;
                }
            }
        }
    }
    LabelMap::new(geometry, labels, segments).expect("labels")
}

fn still() -> Rigid {
    Rigid::identity()
}

fn rows(prior: &LabelMap, current: &LabelMap, map: &Rigid) -> Vec<LesionChange> {
    follow_up(prior, current, map, &FollowUpSettings::default()).expect("a table")
}

#[test]
fn each_status_follows_the_thresholds_of_recist() {
    let line = |label: u16, row: usize, length: usize| (label, [2, row, 2], [length, 1, 1]);
    // 20 to 25: +25 % and +5 mm. 10 to 13: +30 % but +3 mm. 30 to 35: +5 mm but +17 %.
    // 20 to 14: -30 %. 20 to 15: -25 %.
    let lengths = [(20, 25), (10, 13), (30, 35), (20, 14), (20, 15)];
    let before: Vec<_> = (0..5).map(|at| line(at as u16 + 1, 4 * at + 2, lengths[at].0)).collect();
    let now: Vec<_> = (0..5).map(|at| line(at as u16 + 11, 4 * at + 2, lengths[at].1)).collect();
    let found = rows(&map(&before, true), &map(&now, false), &still());
    let statuses: Vec<LesionStatus> = found.iter().map(|row| row.status).collect();
    use LesionStatus::{Grown, Shrunk, Stable};
    assert_eq!(statuses, [Grown, Stable, Stable, Shrunk, Stable]);
    assert_eq!(found[0].long_axis_percent, Some(25.0));
    assert_eq!(found[3].prior.map(|size| size.milliliters), Some(0.04));
    assert_eq!(found[0].tracking_id.as_deref(), Some("T1"), "the prior's identifiers stay");
    let (sum_before, sum_now, percent) = sum_of_long_axes(&found);
    assert_eq!((sum_before, sum_now), (Mm(100.0), Mm(102.0)));
    assert!((percent.expect("from something") - 2.0).abs() < 1e-9);
}

#[test]
fn lesions_are_found_again_after_the_patient_moved_and_new_and_gone_ones_are_told() {
    let prior =
        map(&[(1, [10, 10, 3], [6, 6, 3]), (2, [20, 10, 3], [6, 6, 3]), (3, [60, 30, 6], [3, 3, 2])], true);
    // Everything lies 10 mm further left: lesion 1 now lies where lesion 2 was.
    let current =
        map(&[(7, [20, 10, 3], [6, 6, 3]), (8, [30, 10, 3], [6, 6, 3]), (9, [2, 30, 6], [3, 3, 2])], false);
    let shift =
        Rigid::from_euler(PointLps::from_components([0.0; 3]), [0.0; 3], [10.0, 0.0, 0.0]).expect("finite");
    let found = rows(&prior, &current, &shift);
    let pairs: Vec<_> = found.iter().map(|row| (row.prior_label, row.current_label, row.status)).collect();
    use LesionStatus::{Gone, New, Stable};
    assert_eq!(
        pairs,
        [(Some(1), Some(7), Stable), (Some(2), Some(8), Stable), (Some(3), None, Gone), (None, Some(9), New),]
    );
    assert_eq!(found[0].matched_by, Some(LesionMatch::Overlap { dice: 1.0 }));
    assert_eq!(found[2].volume_percent, Some(-100.0));
    assert_eq!(found[3].tracking_id.as_deref(), Some("N9"));
    let tracked = with_tracking(&current, &found).expect("the same labels");
    let ids: Vec<_> = tracked.segments().values().map(|segment| segment.tracking_id.clone()).collect();
    assert_eq!(ids, [Some("T1".to_owned()), Some("T2".to_owned()), Some("N9".to_owned())]);
}

#[test]
fn near_lesions_without_overlap_are_paired_by_distance_and_far_ones_are_not() {
    let prior = map(&[(1, [10, 10, 3], [3, 3, 1]), (2, [40, 10, 3], [3, 3, 1])], true);
    let current = map(&[(5, [10, 16, 3], [3, 3, 1]), (6, [40, 25, 3], [3, 3, 1])], false);
    let found = rows(&prior, &current, &still());
    assert_eq!(found[0].current_label, Some(5));
    assert_eq!(found[0].matched_by, Some(LesionMatch::Distance { between: Mm(6.0) }));
    assert_eq!((found[1].current_label, found[1].status), (None, LesionStatus::Gone));
    assert_eq!((found[2].current_label, found[2].status), (Some(6), LesionStatus::New));
}

#[test]
fn merged_and_split_lesions_are_one_row_each_with_their_axes_summed() {
    let prior =
        map(&[(1, [10, 10, 3], [10, 1, 1]), (2, [21, 10, 3], [6, 1, 1]), (3, [10, 30, 3], [30, 1, 1])], true);
    let current = map(
        &[(4, [10, 10, 3], [17, 1, 1]), (5, [10, 30, 3], [12, 1, 1]), (6, [25, 30, 3], [15, 1, 1])],
        false,
    );
    let found = rows(&prior, &current, &still());
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].prior_label, found[0].current_label), (Some(1), Some(4)));
    assert_eq!(found[0].merged_with, [2]);
    // 10 and 6 became 17.
    assert_eq!(found[0].prior.map(|size| size.long_axis), Some(Mm(16.0)));
    assert_eq!(found[0].long_axis_percent, Some(6.25));
    assert_eq!((found[1].prior_label, found[1].current_label), (Some(3), Some(6)));
    assert_eq!(found[1].split_into, [5]);
    assert_eq!(found[1].current.map(|size| size.long_axis), Some(Mm(27.0)));
    assert_eq!(found[1].status, LesionStatus::Stable);
}

#[test]
fn empty_maps_give_an_empty_table_and_absurd_settings_are_refused() {
    let empty = map(&[], true);
    assert!(rows(&empty, &empty, &still()).is_empty());
    assert!(rows(&empty, &map(&[(1, [0; 3], [80, 40, 10])], true), &still()).len() == 1);
    let settings = FollowUpSettings { nearest_mm: f64::NAN, ..FollowUpSettings::default() };
    assert!(follow_up(&empty, &empty, &still(), &settings).is_err());
    let settings = FollowUpSettings { part_share: 0.0, ..FollowUpSettings::default() };
    assert!(follow_up(&empty, &empty, &still(), &settings).is_err());
}
