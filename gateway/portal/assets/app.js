import "htmx.org";
import { start } from "./live.js";

if (document.body.dataset.stream) start();
