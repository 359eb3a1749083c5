import { createApp } from "vue";
import App from "./App.vue";
import { language, setLanguage } from "./i18n";
import { router } from "./router";
import "./styles.css";

setLanguage(language.value);
createApp(App).use(router).mount("#app");
