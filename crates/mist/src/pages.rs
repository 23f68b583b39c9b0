//! Pages, one after the other.

use std::collections::HashSet;
use std::collections::vec_deque::{self, VecDeque};

use crate::answer::{Answer, Misfit};
use crate::listing::{Cursor, Listing, Page, Place, Style, hash};
use crate::{Client, Problem};

/// The rows of a listing, page by page, in the order in which Mist gives them.
///
/// A page that could not be read takes nothing away: what came before it was given out, and asking again asks for that
/// page again. Each page is one call, retried as every call is. It ends behind a page without a successor, and
/// with [`Problem::Endless`] where the server gives the same one again.
#[derive(Debug)]
pub struct Pages<T> {
    client: Client,
    listing: Listing<T>,
    /// The page to ask for; none at the end.
    next: Option<Place>,
    /// Where the rows in `rows` are from.
    current: Option<Place>,
    rows: VecDeque<T>,
    /// What the last page says comes next, where that is no page.
    broken: Option<Misfit>,
    total: Option<u64>,
    pages: u32,
    given: u64,
    seen: Seen,
}

/// What tells that a server gives the same page again.
#[derive(Debug, Default)]
struct Seen {
    queries: HashSet<u64>,
    rows: Option<u64>,
}

impl<T: Answer> Pages<T> {
    pub(crate) fn new(client: Client, listing: Listing<T>) -> Self {
        let first = listing.first();
        Self {
            client,
            listing,
            next: Some(first),
            current: None,
            rows: VecDeque::new(),
            broken: None,
            total: None,
            pages: 0,
            given: 0,
            seen: Seen::default(),
        }
    }

    pub(crate) fn resumed(client: Client, listing: Listing<T>, cursor: &Cursor) -> Result<Self, Problem> {
        let fits = match (&cursor.0, listing.style) {
            (Place::Page(number), Style::Numbered) => *number > 0,
            (Place::First, Style::Chained) | (Place::Query(_), _) => true,
            _ => false,
        };
        if !fits {
            return Err(Problem::BadCursor { endpoint: listing.call.endpoint });
        }
        let mut pages = Self::new(client, listing);
        pages.next = Some(cursor.0.clone());
        Ok(pages)
    }

    /// The next page's rows, or what is left of this one's; nothing behind the last.
    ///
    /// It may be dropped while it waits: then the page is asked for again.
    ///
    /// # Errors
    ///
    /// [`Problem`]; asking again asks for the same page.
    pub async fn next_page(&mut self) -> Option<Result<Vec<T>, Problem>> {
        while self.rows.is_empty() {
            if let Err(problem) = self.fetch().await? {
                return Some(Err(problem));
            }
        }
        self.current = None;
        Some(Ok(self.rows.drain(..).collect()))
    }

    /// The next row; nothing behind the last.
    ///
    /// It may be dropped while it waits.
    ///
    /// # Errors
    ///
    /// As [`next_page`](Self::next_page).
    pub async fn next(&mut self) -> Option<Result<T, Problem>> {
        while self.rows.is_empty() {
            if let Err(problem) = self.fetch().await? {
                return Some(Err(problem));
            }
        }
        let row = self.rows.pop_front()?;
        if self.rows.is_empty() {
            self.current = None;
        }
        Some(Ok(row))
    }

    /// All rows that are left.
    ///
    /// # Errors
    ///
    /// The first [`Problem`]; rows that came before it are lost, but not for [`next_page`](Self::next_page).
    pub async fn all(mut self) -> Result<Vec<T>, Problem> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await {
            all.extend(page?);
        }
        Ok(all)
    }

    /// The first page of which not every row was given out; none at the end.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.current.clone().or_else(|| self.next.clone()).map(Cursor)
    }

    /// How many rows there are, as the server said last; not every listing says.
    #[must_use]
    pub const fn total(&self) -> Option<u64> {
        self.total
    }

    /// Rows that were read and not yet given out.
    pub fn buffered(&self) -> vec_deque::Iter<'_, T> {
        self.rows.iter()
    }

    /// Reads the next page into `rows`; nothing when there is none. Changes nothing before the page is there.
    async fn fetch(&mut self) -> Option<Result<(), Problem>> {
        let place = self.next.clone()?;
        Some(self.fetch_at(place).await)
    }

    async fn fetch_at(&mut self, place: Place) -> Result<(), Problem> {
        let call = &self.listing.call;
        if let Some(misfit) = &self.broken {
            return Err(call.misfit(misfit.clone()));
        }
        let query = self.listing.query_at(&place);
        let asked = hash(&query);
        if self.seen.queries.contains(&asked) || self.pages >= MOST_PAGES {
            return Err(self.endless());
        }
        let (status, body) = self.client.exchange(call, Some(&query)).await?;
        let page = self.listing.read_page(status, &body).map_err(|problem| self.client.masked(problem))?;
        if !page.rows.is_empty() && self.seen.rows == Some(page.hash) {
            return Err(self.endless());
        }
        let next = self.behind(&place, &page);

        self.given += u64::try_from(page.rows.len()).unwrap_or(u64::MAX);
        self.rows = page.rows.into();
        self.total = page.total.or(self.total);
        self.pages += 1;
        self.seen.queries.insert(asked);
        self.seen.rows = Some(page.hash);
        // the rows of a page count, also when it leads nowhere
        (self.next, self.broken) = match next {
            Ok(next) => (next, None),
            Err(misfit) => (Some(place.clone()), Some(misfit)),
        };
        self.current = Some(place).filter(|_| !self.rows.is_empty());
        Ok(())
    }

    /// The page behind this one.
    fn behind(&self, place: &Place, page: &Page<T>) -> Result<Option<Place>, Misfit> {
        // an empty page is the last, whatever it says of others
        if page.rows.is_empty() {
            return Ok(None);
        }
        if let Some(next) = &page.next {
            return next.clone().map(|query| Some(Place::Query(query)));
        }
        let Place::Page(number) = place else { return Ok(None) };
        let rows = u32::try_from(page.rows.len()).unwrap_or(u32::MAX);
        // A server may give less than was asked for, but not less than what it gives when it is not asked.
        let short = rows < self.listing.limit.min(LEAST_LIMIT);
        let told = page
            .total
            .is_some_and(|total| self.given + u64::from(rows) >= total && rows < self.listing.limit);
        Ok(if short || told { None } else { number.checked_add(1).map(Place::Page) })
    }

    fn endless(&self) -> Problem {
        Problem::Endless { endpoint: self.listing.call.endpoint.clone(), pages: self.pages }
    }
}

/// Rows that a page has when nobody asks for a number.
const LEAST_LIMIT: u32 = 100;

/// Pages of one listing.
const MOST_PAGES: u32 = 100_000;
