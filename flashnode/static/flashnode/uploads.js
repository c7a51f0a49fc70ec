// Helps the upload pages; each works without it.
(function () {
  "use strict";

  function each(selector, act) { document.querySelectorAll(selector).forEach(act); }

  // The upload page: dropping, what is chosen, limits before anything is sent, and progress.
  function setUp(form, input) {
    // The theme would look for a text field of its own beside it.
    input.hasChangeListener = true;
    var zone = form.querySelector("[data-drop]");
    var list = form.querySelector("[data-list]");
    var refusal = form.querySelector("[data-refusal]");
    var sending = form.querySelector("[data-sending]");
    form.querySelector("[data-hint]").hidden = false;

    function size(bytes) {
      var language = document.documentElement.lang || undefined;
      var unit = bytes < 1e6 ? "kB" : "MB";
      var value = bytes < 1e6 ? Math.ceil(bytes / 1e3) : bytes / 1e6;
      return value.toLocaleString(language, { maximumFractionDigits: 1 }) + " " + unit;
    }

    function refused() {
      var total = 0;
      Array.from(input.files).forEach(function (file) { total += file.size; });
      if (input.files.length > Number(form.dataset.maxFiles)) { return refusal.dataset.many; }
      return total > Number(form.dataset.maxBytes) ? refusal.dataset.large : "";
    }

    function show() {
      list.replaceChildren();
      Array.from(input.files).forEach(function (file) {
        var item = document.createElement("li");
        item.textContent = file.name + " · " + size(file.size);
        list.appendChild(item);
      });
      list.hidden = !input.files.length;
      refusal.textContent = refused();
      refusal.hidden = !refusal.textContent;
    }

    input.addEventListener("change", show);
    ["dragenter", "dragover"].forEach(function (name) {
      zone.addEventListener(name, function (event) {
        event.preventDefault();
        zone.classList.add("desk-drop-over");
      });
    });
    ["dragleave", "drop"].forEach(function (name) {
      zone.addEventListener(name, function () { zone.classList.remove("desk-drop-over"); });
    });
    zone.addEventListener("drop", function (event) {
      event.preventDefault();
      // Those chosen before stay.
      var files = new DataTransfer();
      Array.from(input.files).forEach(function (file) { files.items.add(file); });
      Array.from(event.dataTransfer.files).forEach(function (file) { files.items.add(file); });
      input.files = files.files;
      show();
    });

    form.addEventListener("submit", function (event) {
      event.preventDefault();
      if (refused()) { show(); input.focus(); return; }
      var request = new XMLHttpRequest();
      var button = form.querySelector("button[type=submit]");
      var bar = sending.querySelector("progress");
      button.disabled = true;
      sending.hidden = false;
      request.upload.addEventListener("progress", function (event) {
        if (event.lengthComputable) { bar.value = 100 * event.loaded / event.total; }
      });
      request.addEventListener("load", function () {
        var next = request.getResponseHeader("X-Go-To");
        if (next) { location.href = next; return; }
        var answer = new DOMParser().parseFromString(request.responseText, "text/html");
        var again = answer.querySelector("form[data-upload]");
        if (!again) { location.reload(); return; }
        // The same form with what is wrong at its fields, and the files chosen already.
        var own = input.cloneNode();
        own.files = input.files;
        again.querySelector("input[type=file]").replaceWith(own);
        form.replaceWith(again);
        setUp(again, own);
        var wrong = again.querySelector("[role=alert]:not([hidden])");
        var field = wrong && wrong.parentNode.querySelector("select, input");
        if (field) { field.focus(); }
      });
      request.addEventListener("error", function () {
        button.disabled = false;
        sending.hidden = true;
        refusal.textContent = sending.dataset.lost;
        refusal.hidden = false;
      });
      request.open("POST", location.href);
      request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
      request.send(new FormData(form));
    });
    show();
  }
  each("form[data-upload]", function (form) { setUp(form, form.querySelector("input[type=file]")); });

  // How far it is; the whole page once there is more to see.
  each("[data-poll]", function (piece) {
    function look() {
      fetch(piece.dataset.poll, { credentials: "same-origin", redirect: "error" })
        .then(function (answer) {
          if (!answer.ok || answer.headers.get("X-Over")) { location.reload(); return null; }
          return answer.text();
        })
        .then(function (text) {
          if (text === null) { return; }
          piece.innerHTML = text;
          setTimeout(look, 1500);
        })
        .catch(function () { setTimeout(look, 5000); });
    }
    setTimeout(look, 1000);
  });

  // The first rows as they would be read, after each choice.
  each("form[data-live]", function (form) {
    var shown = form.querySelector("[data-shown]");
    var latest = 0;
    each("[data-by-script]", function (button) { button.hidden = true; });
    form.addEventListener("change", function () {
      var mine = ++latest;
      fetch(form.dataset.live, {
        method: "POST", body: new FormData(form), credentials: "same-origin", redirect: "error",
      })
        .then(function (answer) { return answer.ok ? answer.text() : null; })
        .then(function (text) {
          // An answer that was overtaken is of choices that are no more.
          if (text !== null && mine === latest) { shown.innerHTML = text; }
        })
        .catch(function () {});
    });
  });
})();
