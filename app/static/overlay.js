// The slider sets how strongly label maps cover their photographs.
element.querySelector('input').addEventListener('input', event => {
  document.documentElement.style.setProperty('--overlay', event.target.value / 100);
});
