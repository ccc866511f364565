#![no_main]

wilhelm_fuzz::target!(nifti);
