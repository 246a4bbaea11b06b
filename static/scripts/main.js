// Small comforts; every page works without them.
import { offerCopying } from "./copy.js";
import { showLocalTimes } from "./times.js";

offerCopying(document);
showLocalTimes(document);
