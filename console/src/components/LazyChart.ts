import { defineAsyncComponent } from "vue";

/** ECharts is most of the program's weight: it comes when a page first shows a chart. */
export default defineAsyncComponent(() => import("./Chart.vue"));
