//! NIfTI files made by program: orientation, units, scaling, and what is refused.

use std::io::Write;
use std::path::PathBuf;

use wilhelm_formats::{Limits, Silent, read};
use wilhelm_study::{DefectKind, Index, Mm, Series};

use crate::shared::{kinds, only, refusal};

/// A NIfTI-1 header that tests change.
struct Nifti {
    dim: [i16; 8],
    datatype: i16,
    pixdim: [f32; 8],
    slope: [f32; 2],
    unit: u8,
    codes: [i16; 2],
    quaternion: [f32; 3],
    offset: [f32; 3],
    rows: [[f32; 4]; 3],
    big: bool,
}

impl Default for Nifti {
    fn default() -> Self {
        Self {
            dim: [3, 2, 3, 4, 1, 1, 1, 1],
            datatype: 4,
            pixdim: [1.0; 8],
            slope: [0.0; 2],
            unit: 2,
            codes: [0, 1],
            quaternion: [0.0; 3],
            offset: [0.0; 3],
            rows: [[2.0, 0.0, 0.0, 10.0], [0.0, 3.0, 0.0, 20.0], [0.0, 0.0, 4.0, 30.0]],
            big: false,
        }
    }
}

impl Nifti {
    fn bytes(&self, voxels: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 352];
        let mut put = |at: usize, little: &[u8]| {
            let mut value = little.to_vec();
            if self.big {
                value.reverse();
            }
            bytes[at..at + value.len()].copy_from_slice(&value);
        };
        put(0, &348_i32.to_le_bytes());
        for (i, length) in self.dim.iter().enumerate() {
            put(40 + 2 * i, &length.to_le_bytes());
        }
        put(70, &self.datatype.to_le_bytes());
        for (i, spacing) in self.pixdim.iter().enumerate() {
            put(76 + 4 * i, &spacing.to_le_bytes());
        }
        put(108, &352_f32.to_le_bytes());
        put(112, &self.slope[0].to_le_bytes());
        put(116, &self.slope[1].to_le_bytes());
        put(123, &[self.unit]);
        put(252, &self.codes[0].to_le_bytes());
        put(254, &self.codes[1].to_le_bytes());
        for i in 0..3 {
            put(256 + 4 * i, &self.quaternion[i].to_le_bytes());
            put(268 + 4 * i, &self.offset[i].to_le_bytes());
            for j in 0..4 {
                put(280 + 16 * i + 4 * j, &self.rows[i][j].to_le_bytes());
            }
        }
        bytes[344..348].copy_from_slice(b"n+1\0");
        bytes.extend_from_slice(voxels);
        bytes
    }

    fn with_shorts(&self) -> Vec<u8> {
        let voxels: Vec<u8> = (0..24_i16)
            .flat_map(|value| if self.big { value.to_be_bytes() } else { value.to_le_bytes() })
            .collect();
        self.bytes(&voxels)
    }
}

fn saved(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("volume.nii");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn volume(bytes: &[u8]) -> Series {
    let (_folder, path) = saved(bytes);
    only(&path)
}

fn check_point(series: &Series, index: [usize; 3], ras: [f64; 3]) {
    let [column, row, slice] = index;
    let point = series.image.geometry().unwrap().point(Index { column, row, slice }).components();
    let expected = [-ras[0], -ras[1], ras[2]];
    for axis in 0..3 {
        assert!((point[axis] - expected[axis]).abs() < 1e-5, "{point:?} for {expected:?}");
    }
}

#[test]
fn ras_becomes_lps_by_the_s_form_and_both_byte_orders_agree() {
    let little = volume(&Nifti::default().with_shorts());
    assert!(little.defects.is_empty(), "{:?}", little.defects);
    // Worked on paper: right 10 + 2, anterior 20 + 2 x 3, superior 30 + 3 x 4.
    check_point(&little, [1, 2, 3], [12.0, 26.0, 42.0]);
    assert_eq!(little.image.geometry().unwrap().direction().letters(), "RAS");
    assert_eq!(little.image.values()[23], 23.0);
    assert_eq!(little.stored_range, Some((-32768.0, 32767.0)));
    let big = volume(&Nifti { big: true, ..Nifti::default() }.with_shorts());
    assert_eq!(big.image, little.image);
}

#[test]
fn the_q_form_is_a_quaternion_with_a_handedness() {
    // A half turn about the anterior axis: b = 0, c = 1, d = 0, so that x and z are reversed.
    let mut nifti = Nifti { codes: [1, 0], quaternion: [0.0, 1.0, 0.0], ..Nifti::default() };
    nifti.pixdim = [1.0, 2.0, 3.0, 4.0, 1.0, 1.0, 1.0, 1.0];
    nifti.offset = [5.0, 6.0, 7.0];
    check_point(&volume(&nifti.with_shorts()), [1, 1, 1], [3.0, 9.0, 3.0]);
    // qfac -1 reverses the third axis alone.
    nifti.pixdim[0] = -1.0;
    check_point(&volume(&nifti.with_shorts()), [1, 1, 1], [3.0, 9.0, 11.0]);
}

#[test]
fn units_and_scaling_are_applied_and_their_absence_is_said() {
    let mut nifti = Nifti { unit: 3, slope: [0.5, -1.0], ..Nifti::default() };
    nifti.rows[0][0] = 2000.0;
    let read = volume(&nifti.with_shorts());
    assert!((read.image.geometry().unwrap().spacing().between_columns().0 - 2.0).abs() < 1e-9);
    assert_eq!(read.image.values()[4], 1.0);
    let unknown = volume(&Nifti { unit: 0, codes: [0, 0], ..Nifti::default() }.with_shorts());
    assert_eq!(kinds(&unknown), [DefectKind::Header, DefectKind::Header]);
    assert_eq!(unknown.image.geometry().unwrap().spacing().between_rows(), Mm(1.0));
}

#[test]
fn every_volume_of_a_4_d_file_is_a_series_of_its_own() {
    let nifti = Nifti { dim: [5, 2, 3, 4, 3, 4, 1, 1], big: true, ..Nifti::default() };
    let voxels: Vec<u8> = (0..24 * 12_i16).flat_map(i16::to_be_bytes).collect();
    let (_folder, path) = saved(&nifti.bytes(&voxels));
    let reading = read(std::slice::from_ref(&path), &Limits::default(), &Silent);
    assert!(reading.failures.is_empty(), "{:?}", reading.failures);
    assert_eq!(reading.series.len(), 12);
    for (i, series) in reading.series.iter().enumerate() {
        assert_eq!(series.title, format!("volume.nii, volume {} of 12", i + 1));
        assert!(series.defects.is_empty(), "{:?}", series.defects);
        assert_eq!(series.image.values()[0], (24 * i) as f32);
        assert_eq!(series.image.values()[23], (24 * i + 23) as f32);
        assert_eq!(series.image.geometry(), reading.series[0].image.geometry());
    }
    let (_folder, path) = saved(&nifti.bytes(&voxels[..voxels.len() - 2]));
    assert!(refusal(&path).contains("voxels ends after 926 bytes, expected 928"), "{}", refusal(&path));
}

#[test]
fn the_range_that_the_file_proposes_for_display_is_its_window() {
    let mut bytes = Nifti::default().with_shorts();
    bytes[124..128].copy_from_slice(&300_f32.to_le_bytes());
    bytes[128..132].copy_from_slice(&(-100_f32).to_le_bytes());
    assert_eq!(volume(&bytes).window, Some((100.0, 400.0)));
}

#[test]
fn values_that_are_not_numbers_are_replaced_and_counted() {
    let nifti = Nifti { datatype: 16, ..Nifti::default() };
    let mut values: Vec<f32> = (0..24).map(|v| v as f32 - 5.0).collect();
    values[7] = f32::NAN;
    values[9] = f32::INFINITY;
    let voxels: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let read = volume(&nifti.bytes(&voxels));
    assert_eq!(kinds(&read), [DefectKind::Values]);
    assert!(read.defects[0].message.starts_with("2 of 24 values are not finite, the first at offset 7"));
    assert_eq!(read.image.values()[7], -5.0);
    let nothing: Vec<u8> = (0..24).flat_map(|_| f32::NAN.to_le_bytes()).collect();
    let (_folder, path) = saved(&nifti.bytes(&nothing));
    assert_eq!(refusal(&path), "all 24 values are not finite, expected at least one number");
}

#[test]
fn a_sheared_affine_is_straightened_and_said_and_a_hopeless_one_is_refused() {
    let mut nifti = Nifti::default();
    nifti.rows[0][1] = 0.3;
    let read = volume(&nifti.with_shorts());
    assert_eq!(kinds(&read), [DefectKind::Header]);
    assert!(read.defects[0].message.contains("sheared"), "{}", read.defects[0]);
    assert!(read.defects[0].message.contains("moved by up to 0."), "{}", read.defects[0]);
    let refused = |nifti: &Nifti| {
        let (_folder, path) = saved(&nifti.with_shorts());
        refusal(&path)
    };
    nifti.rows[0][1] = 3.0;
    assert_eq!(refused(&nifti), "s-form: sheared by 45.0 degrees, expected at most 30");
    nifti.rows[2] = [0.0; 4];
    assert_eq!(refused(&nifti), "s-form: spacing between slices is 0 mm, expected more than 0 mm");
    nifti.rows[2] = [2.0, 3.0, 0.0, 0.0];
    nifti.rows[0] = [2.0, 0.0, 1.0, 0.0];
    nifti.rows[1] = [0.0, 3.0, 1.0, 0.0];
    nifti.rows[2] = [0.0, 0.0, 1e-9, 0.0];
    assert_eq!(refused(&nifti), "s-form: singular: its axes lie in one plane, expected three axes");
    nifti.rows[1][1] = f32::NAN;
    assert_eq!(refused(&nifti), "s-form: the step between rows is not finite, expected numbers");
}

#[test]
fn a_q_form_without_spacing_or_rotation_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut Nifti)| {
        let mut nifti = Nifti { codes: [1, 0], ..Nifti::default() };
        change(&mut nifti);
        let (_folder, path) = saved(&nifti.with_shorts());
        refusal(&path)
    };
    assert_eq!(refused(&|nifti| nifti.pixdim[2] = 0.0), "pixdim[2]: 0, expected more than 0");
    assert_eq!(refused(&|nifti| nifti.pixdim[3] = -1.5), "pixdim[3]: -1.5, expected more than 0");
    assert!(refused(&|nifti| nifti.pixdim[1] = f32::NAN).starts_with("pixdim[1]: NaN"));
    assert!(refused(&|nifti| nifti.quaternion[1] = 2.0).contains("squares add up to 4"));
    assert!(refused(&|nifti| nifti.offset[1] = f32::INFINITY).contains("origin is not finite"));
}

#[test]
fn sizes_that_the_file_cannot_hold_are_refused_before_they_are_allocated() {
    let bomb = Nifti { dim: [3, 30_000, 30_000, 2, 1, 1, 1, 1], ..Nifti::default() };
    let (_folder, path) = saved(&bomb.with_shorts());
    assert!(refusal(&path).contains("pixel bomb"));
    let huge = Nifti { dim: [3, 32_000, 32_000, 32_000, 1, 1, 1, 1], ..Nifti::default() };
    let (_folder, path) = saved(&huge.with_shorts());
    assert!(refusal(&path).contains("the limit is 2147483648"));
    let cut = Nifti::default().with_shorts();
    let (_folder, path) = saved(&cut[..cut.len() - 1]);
    assert!(refusal(&path).contains("voxels ends after 399 bytes, expected 400"));
    let negative = Nifti { dim: [3, -2, 3, 4, 1, 1, 1, 1], ..Nifti::default() };
    let (_folder, path) = saved(&negative.with_shorts());
    assert!(refusal(&path).contains("dim[1]: -2, expected more than 0"));
    let color = Nifti { datatype: 128, ..Nifti::default() };
    let (_folder, path) = saved(&color.with_shorts());
    assert!(refusal(&path).contains("datatype 128 (color) is not supported"));
}

#[test]
fn a_gzip_that_cannot_hold_what_it_declares_is_a_bomb_and_a_cut_one_is_refused() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii.gz");
    let bomb = Nifti { dim: [3, 10_000, 10_000, 20, 1, 1, 1, 1], ..Nifti::default() };
    std::fs::write(&path, gzip(&bomb.with_shorts())).unwrap();
    assert!(refusal(&path).contains("pixel bomb"));
    let whole = gzip(&Nifti::default().with_shorts());
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(only(&path).image.values()[23], 23.0);
    std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    assert!(refusal(&path).contains("broken or cut"));
    let limits = Limits { expansion_bytes: 100, ..Limits::default() };
    std::fs::write(&path, &whole).unwrap();
    let reading = read(std::slice::from_ref(&path), &limits, &Silent);
    assert!(reading.failures[0].error.to_string().contains("archive bomb"));
}
