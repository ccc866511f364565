//! WADO-RS: objects, frames, metadata, bulk values and pictures.
//!
//! Source: PS3.18 Section 10.4.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dicom_dictionary_std::uids;
use wilhelm_store::{BULK_MARK, BulkPlace, Content, Located, Place, bulk_place, file_meta, inflated};
use wilhelm_study::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use super::parameters::{Media, accepted, parameters};
use super::render::{Form, Wish, draw};
use super::stream::{Gone, Out, body};
use super::{Refusal, Site, blocking, frames};
use crate::transcode;

/// Largest frame that is given, in bytes.
const LARGEST_FRAME: u64 = 512 << 20;
/// Largest object of which a frame is drawn or decoded, in bytes.
const LARGEST_DRAWN: u64 = 1 << 30;
/// Most frames of one request.
const MOST_FRAMES: usize = 4096;

type Answered = Result<Response, Refusal>;
type Query = RawQuery;

/// The path's identifiers, checked.
fn place(study: &str, series: Option<&str>, instance: Option<&str>) -> Result<Place, Refusal> {
    let refused = |_| Refusal::bad("an identifier in the address is no UID of 1 to 64 digits and dots");
    Ok(Place {
        study_uid: StudyInstanceUid::new(study).map_err(refused)?,
        series_uid: series.map(SeriesInstanceUid::new).transpose().map_err(refused)?,
        sop_uid: instance.map(SopInstanceUid::new).transpose().map_err(refused)?,
    })
}

fn boundary(key: i64, count: usize) -> String {
    // 128 bits that no object can know beforehand.
    use std::hash::{BuildHasher, Hasher, RandomState};
    let half = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_i64(key);
        hasher.write_usize(count);
        hasher.finish()
    };
    format!("wilhelm-{:016x}{:016x}", half(), half())
}

/// How objects are written.
#[derive(Clone, PartialEq)]
enum Syntax {
    AsStored,
    /// Little endian where the object can be decoded, else as stored.
    Default,
    Only(String),
}

struct Objects {
    multipart: bool,
    syntax: Syntax,
}

fn objects_wanted(media: &[Media]) -> Result<Objects, Refusal> {
    for one in media {
        let part = one.part.as_deref().unwrap_or("application/dicom");
        let multipart = match one.media.as_str() {
            "*/*" | "multipart/*" | "multipart/related" => true,
            "application/dicom" => false,
            _ => continue,
        };
        if !matches!(part, "application/dicom" | "*/*") {
            continue;
        }
        let syntax = match one.transfer_syntax.as_deref() {
            None => Syntax::Default,
            Some("*") => Syntax::AsStored,
            Some(uid) => Syntax::Only(uid.to_owned()),
        };
        return Ok(Objects { multipart, syntax });
    }
    Err(Refusal::not_acceptable(
        "objects are given as multipart/related; type=\"application/dicom\", or one as application/dicom",
    ))
}

/// What of an object is written: as it is, or anew in little endian.
fn anew(object: &Located, syntax: &Syntax) -> Option<String> {
    match syntax {
        Syntax::AsStored => None,
        Syntax::Default if transcode::is_native(&object.transfer_syntax) => None,
        Syntax::Default => Some(uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned()),
        Syntax::Only(uid) if *uid == object.transfer_syntax => None,
        Syntax::Only(uid) => Some(uid.clone()),
    }
}

/// The whole object in another transfer syntax.
fn file_in(site: &Site, object: &Located, to: &str) -> Result<Vec<u8>, transcode::TranscodeError> {
    let content = site.store.content(object)?;
    let mut file = transcode::file_meta(&object.sop_class, &object.sop_uid, to, None);
    file.extend_from_slice(&transcode::data_set(&content, to)?);
    Ok(file)
}

fn copy(out: &mut Out, content: &Content, place: Range<u64>) -> Result<(), Gone> {
    let mut buffer = vec![0; 256 << 10];
    let mut at = place.start;
    while at < place.end {
        let wanted = usize::try_from(place.end - at).unwrap_or(usize::MAX).min(buffer.len());
        let count = content.read_at(at, &mut buffer[..wanted]).map_err(|error| {
            tracing::error!(%error, "an object could not be read");
            Gone
        })?;
        if count == 0 {
            return Err(Gone);
        }
        out.write(&buffer[..count])?;
        at += count as u64;
    }
    Ok(())
}

async fn objects(site: Arc<Site>, place: Place, headers: &HeaderMap, query: Option<&str>) -> Answered {
    let wanted = objects_wanted(&accepted(headers, &parameters(query)))?;
    let found = {
        let site = Arc::clone(&site);
        blocking(move || Ok(site.store.locate(&place)?)).await?
    };
    if let Syntax::Only(uid) = &wanted.syntax
        && !matches!(uid.as_str(), uids::EXPLICIT_VR_LITTLE_ENDIAN | uids::IMPLICIT_VR_LITTLE_ENDIAN)
        && found.iter().any(|object| object.transfer_syntax != *uid)
    {
        let detail = "objects are written as they are stored or uncompressed in little endian";
        return Err(Refusal::not_acceptable(detail));
    }
    if !wanted.multipart {
        let [object] = &found[..] else {
            let detail = "application/dicom holds one object: ask for multipart/related";
            return Err(Refusal::not_acceptable(detail));
        };
        let object = object.clone();
        let head = [(header::CONTENT_TYPE, "application/dicom")];
        let body = blocking(move || {
            if let Some(to) = anew(&object, &wanted.syntax) {
                match file_in(&site, &object, &to) {
                    Ok(file) => return Ok(Body::from(file)),
                    Err(error) if wanted.syntax == Syntax::Default => {
                        tracing::info!(%error, "an object is given as it is stored");
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            let content = site.store.content(&object)?;
            Ok(body(move |out| copy(out, &content, 0..content.length())))
        })
        .await?;
        return Ok((StatusCode::OK, head, body).into_response());
    }
    let boundary = boundary(found[0].key, found.len());
    let kind = format!("multipart/related; type=\"application/dicom\"; boundary={boundary}");
    let write = move |out: &mut Out| {
        for object in &found {
            let mut syntax = object.transfer_syntax.clone();
            let mut fresh = None;
            if let Some(to) = anew(object, &wanted.syntax) {
                match file_in(&site, object, &to) {
                    Ok(file) => (fresh, syntax) = (Some(file), to),
                    Err(error) if wanted.syntax == Syntax::Default => {
                        tracing::info!(%error, "an object is given as it is stored");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "an object could not be given");
                        return Err(Gone);
                    }
                }
            }
            let head = format!(
                "--{boundary}\r\nContent-Type: application/dicom; transfer-syntax={syntax}\r\nContent-Length: {}\r\n\r\n",
                fresh.as_ref().map_or(object.bytes, |file| file.len() as u64)
            );
            out.write(head.as_bytes())?;
            match fresh {
                Some(file) => out.write(&file)?,
                None => {
                    let content = site.store.content(object).map_err(|error| {
                        tracing::error!(%error, "an object could not be opened");
                        Gone
                    })?;
                    copy(out, &content, 0..content.length())?;
                }
            }
            out.write(b"\r\n")?;
        }
        out.write(format!("--{boundary}--\r\n").as_bytes())
    };
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind)], body(write)).into_response())
}

async fn metadata(site: Arc<Site>, place: Place, headers: &HeaderMap, query: Option<&str>) -> Answered {
    let takes = accepted(headers, &parameters(query)).iter().any(|media| {
        media.is_anything()
            || matches!(media.media.as_str(), "application/dicom+json" | "application/json" | "application/*")
    });
    if !takes {
        return Err(Refusal::not_acceptable("metadata is given as application/dicom+json"));
    }
    let base = site.base(headers);
    // Whether there is anything has to be known before the status is sent.
    let found = {
        let (site, place) = (Arc::clone(&site), place.clone());
        blocking(move || Ok(site.store.locate(&place).map(|found| found.len())?)).await?
    };
    tracing::debug!(objects = found, "metadata");
    let write = move |out: &mut Out| {
        let mut first = true;
        let mut broken = false;
        out.write(b"[")?;
        let read = site.store.metadata(&place, |[study, series, instance], json| {
            let mut write = || {
                out.write(if first { b"" } else { b"," })?;
                first = false;
                for (number, piece) in json.split(BULK_MARK).enumerate() {
                    if number > 0 {
                        let url = format!("{base}/studies/{study}/series/{series}/instances/{instance}");
                        out.write(url.as_bytes())?;
                    }
                    out.write(piece.as_bytes())?;
                }
                Ok::<(), Gone>(())
            };
            broken = write().is_err();
            !broken
        });
        if let Err(error) = read {
            tracing::error!(%error, "metadata could not be read");
            return Err(Gone);
        }
        if broken { Err(Gone) } else { out.write(b"]") }
    };
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/dicom+json")], body(write)).into_response())
}

/// One object, and its file as a whole.
fn one(site: &Site, place: &Place) -> Result<(Located, Content), Refusal> {
    let object = site.store.locate(place)?.remove(0);
    let content = site.store.content(&object)?;
    Ok((object, content))
}

/// Frame numbers from 1 on, with commas between them, as numbers from 0 on.
fn numbers(list: &str, object: &Located) -> Result<Vec<u32>, Refusal> {
    let numbers: Option<Vec<u32>> =
        list.split(',').map(|one| one.trim().parse::<u32>().ok()?.checked_sub(1)).collect();
    let numbers = numbers
        .filter(|numbers| numbers.len() <= MOST_FRAMES)
        .ok_or_else(|| Refusal::bad("frames are numbers from 1 on, with commas between them"))?;
    if object.pixels.is_none() || numbers.iter().any(|number| *number >= object.frames) {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "the object has no such frame"));
    }
    Ok(numbers)
}

/// The media type of frames in a transfer syntax.
///
/// # Source
/// PS3.18 Table 8.7.3-5
fn media_of(transfer_syntax: &str) -> &'static str {
    match transfer_syntax {
        uids::JPEG_BASELINE8_BIT
        | uids::JPEG_EXTENDED12_BIT
        | uids::JPEG_LOSSLESS
        | uids::JPEG_LOSSLESS_SV1 => "image/jpeg",
        uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => "image/jls",
        uids::JPEG2000_LOSSLESS | uids::JPEG2000 => "image/jp2",
        uids::HTJ2K_LOSSLESS | uids::HTJ2K_LOSSLESS_RPCL | uids::HTJ2K => "image/jphc",
        uids::RLE_LOSSLESS => "image/dicom-rle",
        _ => "application/octet-stream",
    }
}

/// How frames are written: their media type and whether they are decoded.
fn frames_wanted(media: &[Media], object: &Located) -> Result<(String, bool), Refusal> {
    let stored = &object.transfer_syntax;
    let native = transcode::is_native(stored);
    let own = media_of(stored);
    for one in media {
        let kind = match one.media.as_str() {
            "multipart/related" | "multipart/*" => one.part.as_deref().unwrap_or("application/octet-stream"),
            "*/*" => "*/*",
            single => single,
        };
        let asked = one.transfer_syntax.as_deref();
        let as_stored = asked == Some("*") || asked == Some(stored);
        match kind {
            "*/*" | "application/octet-stream" if native || !as_stored => {
                if matches!(asked, None | Some("*" | uids::EXPLICIT_VR_LITTLE_ENDIAN)) {
                    let kind = format!(
                        "application/octet-stream; transfer-syntax={}",
                        uids::EXPLICIT_VR_LITTLE_ENDIAN
                    );
                    return Ok((kind, true));
                }
            }
            "*/*" => return Ok((format!("{own}; transfer-syntax={stored}"), false)),
            "application/octet-stream" => {
                return Ok((format!("application/octet-stream; transfer-syntax={stored}"), false));
            }
            kind if !native && kind == own && (asked.is_none() || as_stored) => {
                return Ok((format!("{own}; transfer-syntax={stored}"), false));
            }
            _ => {}
        }
    }
    Err(Refusal::not_acceptable(
        "frames are given as application/octet-stream, uncompressed or as they are stored, or in their own image type",
    ))
}

pub(crate) async fn raw_frames(
    site: Arc<Site>,
    place: Place,
    list: String,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Answered {
    let media = accepted(headers, &parameters(query));
    let (kind, multi, content, plan) = blocking(move || {
        let (object, content) = one(&site, &place)?;
        let numbers = numbers(&list, &object)?;
        let (kind, decoded) = frames_wanted(&media, &object)?;
        let multi = !media.iter().any(|one| one.media == "application/octet-stream" && numbers.len() == 1);
        let plan: Vec<Planned> = if decoded {
            let native: Option<Vec<Range<u64>>> = (object.transfer_syntax != BIG_ENDIAN
                && object.transfer_syntax != uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
                .then(|| numbers.iter().map(|number| frames::native(&object, *number)).collect())
                .flatten();
            match native {
                Some(places) => places.into_iter().map(|place| Planned::Places(vec![place])).collect(),
                None => {
                    let file = Arc::new(transcode::all(&content, LARGEST_DRAWN)?);
                    // The first is decoded at once: what cannot be is known before the status is sent.
                    let first = decode(&file, numbers[0])?;
                    let rest = numbers[1..].iter().map(|number| Planned::Decode(Arc::clone(&file), *number));
                    std::iter::once(Planned::Bytes(first)).chain(rest).collect()
                }
            }
        } else {
            let all = frames::encapsulated(&object, &content)?;
            let places = numbers.iter().map(|number| {
                all.get(*number as usize)
                    .cloned()
                    .map(Planned::Places)
                    .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "the object has no such frame"))
            });
            places.collect::<Result<_, _>>()?
        };
        Ok((kind, multi, content, plan))
    })
    .await?;
    let boundary = boundary(0, plan.len());
    let head = if multi {
        let part = kind.split(';').next().unwrap_or_default();
        format!("multipart/related; type=\"{part}\"; boundary={boundary}")
    } else {
        kind.clone()
    };
    let write = move |out: &mut Out| {
        for planned in plan {
            let bytes = planned.bytes(&content).map_err(|refusal| {
                tracing::warn!(detail = refusal.detail, "a frame could not be given");
                Gone
            })?;
            if multi {
                let head = format!(
                    "--{boundary}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
                    bytes.len()
                );
                out.write(head.as_bytes())?;
            }
            out.write(&bytes)?;
            if multi {
                out.write(b"\r\n")?;
            }
        }
        if multi { out.write(format!("--{boundary}--\r\n").as_bytes()) } else { Ok(()) }
    };
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, head)], body(write)).into_response())
}

#[expect(deprecated)]
const BIG_ENDIAN: &str = uids::EXPLICIT_VR_BIG_ENDIAN;

/// How the bytes of one frame are come by.
enum Planned {
    Bytes(Vec<u8>),
    Places(Vec<Range<u64>>),
    Decode(Arc<Vec<u8>>, u32),
}

impl Planned {
    fn bytes(self, content: &Content) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Places(places) => frames::bytes(content, &places, LARGEST_FRAME),
            Self::Decode(file, number) => decode(&file, number),
        }
    }
}

fn decode(file: &[u8], number: u32) -> Result<Vec<u8>, Refusal> {
    let limits = wilhelm_formats::Limits::default();
    wilhelm_formats::dicom::decode_frame(file, number as usize, &limits)
        .map(|pixels| pixels.bytes)
        .map_err(|error| Refusal::not_acceptable(format!("the frame cannot be decoded: {error}")))
}

async fn picture(
    site: Arc<Site>,
    place: Place,
    frame: Option<String>,
    thumbnail: bool,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Answered {
    let parameters = parameters(query);
    let wish = wish(&accepted(headers, &parameters), &parameters, thumbnail)?;
    let bytes = blocking(move || {
        let all = site.store.locate(&place)?;
        // Of a series or study, an image of its middle stands for it.
        let with_pixels: Vec<&Located> = all.iter().filter(|object| object.pixels.is_some()).collect();
        let object = with_pixels
            .get(with_pixels.len() / 2)
            .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "there are no pixels to draw"))?;
        let number = match &frame {
            Some(list) => numbers(list, object)?[0],
            None if thumbnail => object.frames / 2,
            None => 0,
        };
        let file = transcode::all(&site.store.content(object)?, LARGEST_DRAWN)?;
        draw(&file, number, wish)
    })
    .await?;
    let kind = match wish.form {
        Form::Png => "image/png",
        Form::Jpeg => "image/jpeg",
    };
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind)], bytes).into_response())
}

fn wish(media: &[Media], parameters: &[(String, String)], thumbnail: bool) -> Result<Wish, Refusal> {
    let form = media
        .iter()
        .find_map(|one| match one.media.as_str() {
            "image/png" => Some(Form::Png),
            "image/jpeg" | "*/*" | "image/*" => Some(Form::Jpeg),
            _ => None,
        })
        .ok_or_else(|| Refusal::not_acceptable("pictures are given as image/jpeg or image/png"))?;
    let mut wish = Wish { form, quality: 90, window: None, viewport: thumbnail.then_some((128, 128)) };
    for (key, value) in parameters {
        let refused = |expected| Refusal::bad(format!("the parameter {key} is not {expected}"));
        let list: Vec<f64> = value.split(',').map_while(|one| one.trim().parse().ok()).collect();
        match key.as_str() {
            "quality" => {
                wish.quality = value
                    .parse()
                    .ok()
                    .filter(|quality| (1..=100).contains(quality))
                    .ok_or_else(|| refused("a number from 1 to 100"))?;
            }
            "window" => {
                let [center, width, ..] = list[..] else { return Err(refused("center,width,function")) };
                if !(center.is_finite() && width.is_finite() && width >= 1.0) {
                    return Err(refused("center,width,function with a width of at least 1"));
                }
                wish.window = Some((center, width));
            }
            "viewport" => {
                let [width, height, ..] = list[..] else { return Err(refused("width,height")) };
                if !(1.0..=8192.0).contains(&width) || !(1.0..=8192.0).contains(&height) {
                    return Err(refused("width,height from 1 to 8192"));
                }
                wish.viewport = Some((width as u32, height as u32));
            }
            _ => {}
        }
    }
    Ok(wish)
}

/// Whether bulk data is wanted as multipart/related with one part, and not alone.
fn bulk_in_parts(media: &[Media]) -> Result<bool, Refusal> {
    let octets = |kind: &str| matches!(kind, "*/*" | "application/*" | "application/octet-stream");
    media
        .iter()
        .find_map(|one| match one.media.as_str() {
            "multipart/related" | "multipart/*" if one.part.as_deref().is_none_or(octets) => Some(true),
            alone if octets(alone) => Some(false),
            _ => None,
        })
        .ok_or_else(|| {
            Refusal::not_acceptable(
                "bulk data is given as application/octet-stream, alone or in multipart/related",
            )
        })
}

async fn bulk(
    site: Arc<Site>,
    place: Place,
    path: String,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Answered {
    let in_parts = bulk_in_parts(&accepted(headers, &parameters(query)))?;
    let (content, found) = blocking(move || {
        let (object, content) = one(&site, &place)?;
        let meta = file_meta(&content)?;
        let expanded = inflated(&content, &meta, site.store.limits())?;
        let start = if expanded.is_some() { 0 } else { object.data_set };
        let content = expanded.unwrap_or(content);
        let found = bulk_place(&content, &meta, start, &path)?;
        Ok((content, found))
    })
    .await?;
    let BulkPlace { start, length } = found;
    const KIND: &str = "application/octet-stream";
    if !in_parts {
        let head = [(header::CONTENT_TYPE, KIND.to_owned()), (header::CONTENT_LENGTH, length.to_string())];
        let body = body(move |out| copy(out, &content, start..start + length));
        return Ok((StatusCode::OK, head, body).into_response());
    }
    let boundary = boundary(0, 1);
    let head = format!("multipart/related; type=\"{KIND}\"; boundary={boundary}");
    let write = move |out: &mut Out| {
        let head = format!("--{boundary}\r\nContent-Type: {KIND}\r\nContent-Length: {length}\r\n\r\n");
        out.write(head.as_bytes())?;
        copy(out, &content, start..start + length)?;
        out.write(format!("\r\n--{boundary}--\r\n").as_bytes())
    };
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, head)], body(write)).into_response())
}

type Here = State<Arc<Site>>;

pub(crate) async fn study(
    State(site): Here,
    Path(s): Path<String>,
    headers: HeaderMap,
    RawQuery(q): Query,
) -> Answered {
    objects(site, place(&s, None, None)?, &headers, q.as_deref()).await
}

pub(crate) async fn series(
    State(site): Here,
    Path((s, e)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(q): Query,
) -> Answered {
    objects(site, place(&s, Some(&e), None)?, &headers, q.as_deref()).await
}

pub(crate) async fn instance(
    State(site): Here,
    Path((s, e, i)): Path<(String, String, String)>,
    headers: HeaderMap,
    RawQuery(q): Query,
) -> Answered {
    objects(site, place(&s, Some(&e), Some(&i))?, &headers, q.as_deref()).await
}

/// What follows an identifier in an address.
pub(crate) async fn of_study(
    State(site): Here,
    Path((s, what)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(q): Query,
) -> Answered {
    under(site, place(&s, None, None)?, &what, headers, q).await
}

/// What follows an identifier in an address.
pub(crate) async fn of_series(
    State(site): Here,
    Path((s, e, what)): Path<(String, String, String)>,
    headers: HeaderMap,
    RawQuery(q): Query,
) -> Answered {
    under(site, place(&s, Some(&e), None)?, &what, headers, q).await
}

/// What follows an identifier in an address.
pub(crate) async fn of_instance(
    State(site): Here,
    Path((s, e, i, what)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    RawQuery(q): Query,
) -> Answered {
    under(site, place(&s, Some(&e), Some(&i))?, &what, headers, q).await
}

async fn under(
    site: Arc<Site>,
    place: Place,
    what: &str,
    headers: HeaderMap,
    query: Option<String>,
) -> Answered {
    match what {
        "metadata" => metadata(site, place, &headers, query.as_deref()).await,
        "rendered" => picture(site, place, None, false, &headers, query.as_deref()).await,
        "thumbnail" => picture(site, place, None, true, &headers, query.as_deref()).await,
        _ => Err(Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this address")),
    }
}

pub(crate) async fn frames(
    State(site): Here,
    Path((s, e, i, list)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    RawQuery(q): Query,
) -> Answered {
    raw_frames(site, place(&s, Some(&e), Some(&i))?, list, &headers, q.as_deref()).await
}

pub(crate) async fn of_frames(
    State(site): Here,
    Path((s, e, i, list, what)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
    RawQuery(q): Query,
) -> Answered {
    let thumbnail = match what.as_str() {
        "rendered" => false,
        "thumbnail" => true,
        _ => return Err(Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this address")),
    };
    if list.contains(',') {
        return Err(Refusal::not_acceptable("one frame is drawn at a time"));
    }
    picture(site, place(&s, Some(&e), Some(&i))?, Some(list), thumbnail, &headers, q.as_deref()).await
}

pub(crate) async fn bulkdata(
    State(site): Here,
    Path((s, e, i, path)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    RawQuery(q): Query,
) -> Answered {
    bulk(site, place(&s, Some(&e), Some(&i))?, path, &headers, q.as_deref()).await
}
