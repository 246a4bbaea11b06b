// Times stand in UTC in the page; people read them in their own zone, with UTC on hover.
const NEAR = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

export function showLocalTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = time.textContent.trim();
    time.textContent = NEAR.format(moment);
  }
}
