"use strict";
// Adds alerts as they are made; without it the page shows them when it is loaded again.
const feed = document.getElementById("feed");
const live = document.getElementById("live");
if (feed && window.EventSource) {
  let after = feed.dataset.after;
  const events = new EventSource("/events?after=" + encodeURIComponent(after));
  events.onopen = () => { live.textContent = "Live: new alerts appear by themselves."; };
  events.onerror = () => { live.textContent = "The relay does not answer; it is tried again."; };
  events.onmessage = (event) => {
    const alert = JSON.parse(event.data);
    const row = document.createElement("tr");
    for (const name of ["time", "state", "severity", "kind", "site", "device", "summary"]) {
      const cell = document.createElement("td");
      cell.textContent = alert[name];
      if (name === "severity") cell.className = alert.mood;
      row.append(cell);
    }
    feed.prepend(row);
    while (feed.rows.length > 50) feed.deleteRow(-1);
    const none = document.getElementById("none");
    if (none) none.remove();
  };
}
