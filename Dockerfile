# The app, and what works for it on a cluster: one image for all services of compose.yaml.
FROM python:3.13-slim
WORKDIR /app

COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
# Compiled now: later nothing here can be written. What is installed is a link to this folder.
RUN pip install --no-cache-dir -e ".[cluster,rooms]" && python -m compileall -q app.py explorer

RUN useradd --create-home explorer && install --directory --owner explorer /rooms
USER explorer

EXPOSE 8501
HEALTHCHECK --start-period=60s --interval=10s --timeout=5s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# The address is for what it prints: else it would ask the internet for its own.
CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--browser.serverAddress=localhost", "--server.headless=true"]
