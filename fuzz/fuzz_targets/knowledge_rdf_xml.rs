#![no_main]

wilhelm_fuzz::target!(knowledge_targets::knowledge_rdf_xml);
