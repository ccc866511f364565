#![no_main]

wilhelm_fuzz::target!(dicom_series);
