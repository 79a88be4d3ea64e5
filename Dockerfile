# The page with the models that ship, without TensorFlow: docs/deploy.md.
FROM python:3.11 AS build
WORKDIR /src
COPY requirements-app.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --no-compile -r requirements-app.txt
# What the page never loads: tests, headers, symbols, notebooks' widgets, Arrow's network parts.
RUN cd /venv/lib/python3.11/site-packages \
 && find . -type d \( -name tests -o -name test -o -name __pycache__ \) -prune -exec rm -rf {} + \
 && find . -type f \( -name '*.pyi' -o -name '*.h' -o -name '*.hpp' -o -name '*.pxd' -o -name '*.pyx' \
      -o -name '*.a' -o -name '*.map' \) -delete \
 && rm -rf pip pip-* setuptools setuptools-* pkg_resources _distutils_hack distutils-precedence.pth \
      pydeck/nbextension plotly/labextension onnxruntime/capi/libonnxruntime.so* \
      pyarrow/libarrow_flight* pyarrow/_flight* pyarrow/libarrow_s3* pyarrow/_s3fs* \
 && find . -name '*.so*' -type f -not -path '*.libs/*' -exec strip --strip-unneeded {} +

FROM python:3.11-slim
RUN useradd --create-home visitor
COPY --from=build /venv /venv
WORKDIR /app
COPY app.py LICENSE ./
COPY .streamlit .streamlit
COPY static static
COPY explorer explorer
COPY pretrained pretrained
USER visitor
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
EXPOSE 8501
HEALTHCHECK CMD python -c "import http.client, os, sys; page = http.client.HTTPConnection('127.0.0.1', 8501, timeout=5); \
    page.request('GET', os.path.join('/', os.getenv('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'), '_stcore/health')); \
    sys.exit(page.getresponse().status != 200)"
CMD ["streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.headless", "true"]
