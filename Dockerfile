# The server with its packaged data. docker build -t kgraph . && docker run --rm -p 8000:8000 kgraph
FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
RUN python -m venv /kgraph && /kgraph/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 kgraph
COPY --from=build /kgraph /kgraph
USER kgraph
WORKDIR /home/kgraph
ENV PATH=/kgraph/bin:$PATH PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["kgraph", "serve", "--host", "0.0.0.0", "--port", "8000"]
