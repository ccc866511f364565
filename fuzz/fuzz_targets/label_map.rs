#![no_main]

wilhelm_fuzz::target!(label_map);
